# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Commands in the documentation: each says what it needs, and the wheels need no `ros2`."""

import re
from itertools import chain
from pathlib import Path

import pytest

from dynofa_ros.demo.targets import KEYS

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / 'README.md'
PAGES = [README, *sorted(chain((ROOT / 'docs').glob('*.md'), (ROOT / 'models').glob('*/*.md')))]
HEADING = 'What the commands need'
LINK = f'#{HEADING.lower().replace(" ", "-")}'
# Other commands come with any Linux, or with this repository.
PROGRAMS = ('ros2', 'rosdep', 'colcon', 'dynofa')
COMMAND = re.compile(rf'(?:\$ )?({"|".join(PROGRAMS)})\s')


def commands(page):
    """Return number and text of the lines that are commands: in a fence, or indented by four."""
    found, fenced = [], False
    for number, line in enumerate(page.read_text().splitlines()):
        if line.lstrip().startswith('```'):
            fenced = not fenced
        elif (fenced or line.startswith('    ')) and COMMAND.match(line.strip()):
            found.append((number, line.strip()))
    return found


def section(page, heading):
    """Return the lines of a section."""
    _, _, after = page.read_text().partition(f'# {heading}\n')
    return re.split(r'^#', after, maxsplit=1, flags=re.MULTILINE)[0]


WITH_COMMANDS = [page for page in PAGES if commands(page)]


def test_commands_are_found_where_they_are():
    names = {page.name for page in WITH_COMMANDS}
    assert {'README.md', 'bags.md', 'decision.md', 'robot.md', 'training.md'} <= names
    programs = {text.removeprefix('$ ').split()[0] for page in PAGES for _, text in commands(page)}
    assert programs == set(PROGRAMS)


@pytest.mark.parametrize('page', WITH_COMMANDS, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_says_what_its_commands_need_before_the_first_one(page):
    number, text = commands(page)[0]
    before = '\n'.join(page.read_text().splitlines()[:number])
    assert HEADING in before or LINK in before, text


@pytest.mark.parametrize('program', PROGRAMS)
def test_every_program_has_its_needs_in_the_readme(program):
    assert f'`{program}`' in section(README, HEADING)


@pytest.mark.parametrize('verb', ['run', 'launch', 'param', 'topic'])
def test_every_use_of_ros2_in_the_readme_has_a_way_without_it(verb):
    row = next(
        line
        for line in section(README, HEADING).splitlines()
        if re.search(rf'`ros2 {verb}\b', line)
    )
    assert 'NODE' in row or 'scripts/demo' in row


def test_the_keys_of_the_demo_are_those_of_its_help():
    keys = set(re.findall(r'\b([A-Za-z])(?:/([A-Z]))? ', KEYS.removeprefix('keys: ')))
    text = section(README, 'Try it')
    assert all(f'`{key}`' in text for key in chain.from_iterable(keys) if key)
