# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Mutate a room of the package with mutmut, test each mutant, and report the score.

A copy of the tree in build/mutation/ROOM is mutated, never the checkout. mutmut leaves decorated
functions out, so in the copy `@property def x(self)` becomes `def x(self)` and `x = property(x)`.
Every mutant runs in a process of its own, forked from one that has imported the tests, and against
those tests only that call the mutated function.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import math
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ('platform/linux', 'runtime')
NEEDED = (
    'dynofa_ros',
    'config',
    'package.xml',
    'pyproject.toml',
    ':(glob)test/*.py',
    ':(glob)test/platform/*.py',
    'test/platform/linux',
    'test/runtime',
)
"""What the tests of these rooms read."""
SLOW = ('test/platform/linux/test_properties.py',)
"""Tests that would take most of the time; without them the score can only be lower."""
KILLED = ('killed', 'timeout', 'check was interrupted by user')
"""The last is how mutmut calls a mutant with which the tests cannot even be collected."""
SETTINGS = {
    'source_paths': ['dynofa_ros'],
    'also_copy': ['config', 'package.xml'],
    # Fork from a process that ran no test, so that no mutant meets a cache that a test filled.
    'process_isolation': 'forkserver',
    # Stop a mutant after 3 x (5 s + the time of its tests): the machine may be busy.
    'timeout_constant': 5.0,
    'timeout_multiplier': 3.0,
    'use_git_change_detection': False,
}
"""https://mutmut.readthedocs.io: configuration."""

CONFTEST = """
from hypothesis import Phase, settings

settings.register_profile(
    'mutation', phases=[Phase.explicit, Phase.generate], database=None, derandomize=True
)
settings.load_profile('mutation')
"""
"""Added to test/conftest.py: the same examples for each mutant, and none of them minimised."""


def undecorate(source: str) -> str:
    """Apply @property and @cached_property below the function instead of above it.

    The meaning is the same, and mutmut mutates the function.
    """
    lines = source.splitlines(keepends=True)
    found = [
        (node, decorator)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and len(node.decorator_list) == 1
        if isinstance(decorator := node.decorator_list[0], ast.Name)
        if decorator.id in ('property', 'cached_property')
    ]
    for node, decorator in found:
        indent = ' ' * node.col_offset
        lines[decorator.lineno - 1] = ''
        lines[(node.end_lineno or 0) - 1] += f'{indent}{node.name} = {decorator.id}({node.name})\n'
    return ''.join(lines)


def copy_tree(room: str, folder: Path, *, without: Sequence[str]) -> str:
    """Copy what the tests need, and mutmut's settings; return a hash of the room's sources."""
    command = ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '--', *NEEDED]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256()
    for name in names.splitlines():
        source, copy = ROOT / name, folder / name
        if not source.is_file():  # removed, not committed yet
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith(f'dynofa_ros/{room}/') and name.endswith('.py'):
            text = source.read_text()
            digest.update(text.encode())
            copy.write_text(undecorate(text))
        else:
            shutil.copyfile(source, copy)
    deselected = [f'--deselect={each}' for each in (*SLOW, *without)]
    settings = SETTINGS | {
        'pytest_add_cli_args': ['-p', 'no:cacheprovider', '-p', 'no:xdist', *deselected],
        'only_mutate': [f'dynofa_ros/{room}/*'],
        'pytest_add_cli_args_test_selection': [f'test/{room}'],
    }
    with (folder / 'test/conftest.py').open('a') as file:
        file.write(CONFTEST)
    with (folder / 'pyproject.toml').open('a') as file:
        file.write('\n[tool.mutmut]\n')
        file.writelines(f'{key} = {json.dumps(value)}\n' for key, value in settings.items())
    return digest.hexdigest()


def list_mutants(room: str) -> dict[str, list[str]]:
    """Return the names of the mutants of each file of the copy in the working directory."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    mutants = {}
    for path in sorted(Path('dynofa_ros', room).rglob('*.py')):
        mutated = mutate_file_contents(str(path), path.read_text())
        mutants[str(path)] = [get_mutant_name(path, each) for each in mutated.mutant_names]
    return {file: names for file, names in mutants.items() if names}


def start_mutmut() -> None:
    """Run mutmut; the tests of the mutated module come first, since they find most mutants."""
    from mutmut.__main__ import cli
    from mutmut.runners.harness import PytestRunner

    run_tests = PytestRunner.run_tests

    def own_tests_first(self: Any, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        module = (mutant_name or '').rpartition('.')[0].rpartition('.')[2]
        ordered = sorted(tests, key=lambda each: (f'/test_{module}.py' not in each, each))
        return int(run_tests(self, mutant_name=mutant_name, tests=ordered))

    PytestRunner.run_tests = own_tests_first
    cli()


def run_mutmut(names: Sequence[str]) -> None:
    """Run the tests against these mutants, by default all; mutmut's output goes to a file."""
    program = f'import runpy; runpy.run_path({str(Path(__file__).resolve())!r})["start_mutmut"]()'
    command = [sys.executable, '-c', program, 'run', '--max-children', '1', *names]
    log = Path('mutmut.log')
    with log.open('w') as file:
        ended = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT)
    if ended.returncode:
        print(log.read_text().rpartition('\r')[2])
        sys.exit(f'mutation: mutmut failed; the tests must pass without mutants ({log.resolve()})')


def read_results(files: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return what became of each tested mutant, by file and name."""
    from mutmut.stats import status_by_exit_code

    results: dict[str, dict[str, str]] = {}
    for file in files:
        codes = json.loads(Path('mutants', f'{file}.meta').read_text())['exit_code_by_key']
        results[file] = {
            name: status_by_exit_code[code] for name, code in codes.items() if code is not None
        }
    return results


def describe(name: str, file: str, status: str) -> dict[str, str]:
    """Return the function of a mutant and the lines that it changes."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    lines = get_diff_for_mutant(name, path=file).splitlines()[2:]
    function = re.sub(r'^x_?', '', name.rpartition('.')[2].partition('__mutmut_')[0])
    return {
        'name': name,
        'file': file,
        'function': function.strip('ǁ').replace('ǁ', '.'),
        'status': status,
        'before': ' '.join(line[1:].strip() for line in lines if line.startswith('-')),
        'after': ' '.join(line[1:].strip() for line in lines if line.startswith('+')),
    }


def wilson(killed: int, tested: int) -> tuple[float, float]:
    """Return the 95 % interval of a share seen in a sample (E. B. Wilson, 1927)."""
    z, share = 1.96, killed / tested
    centre = share + z * z / (2 * tested)
    half = z * math.sqrt(share * (1 - share) / tested + z * z / (4 * tested * tested))
    scale = 1 + z * z / tested
    return (centre - half) / scale, (centre + half) / scale


def score(counts: dict[str, int]) -> str:
    """Return the share of killed mutants as text, with its interval if they are a sample."""
    if not counts['tested']:
        return '-'
    text = f'{counts["killed"] / counts["tested"]:.1%}'
    if counts['tested'] < counts['mutants']:
        low, high = wilson(counts['killed'], counts['tested'])
        text += f' ({low:.1%} to {high:.1%})'
    return text


def table(report: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    of = f', sample of {report["sample"]}, seed {report["seed"]}' if report['sample'] else ''
    lines = [
        f'{report["date"]}, Python {report["python"]}, mutmut {report["mutmut"]}, '
        f'{report["wall_s"] / 60:.0f} min{of}.',
        '',
        '| file | mutants | tested | killed | of these by timeout | survived | score |',
        '| --- | --- | --- | --- | --- | --- | --- |',
    ]
    columns = ('mutants', 'tested', 'killed', 'timeout', 'survived')
    total = {key: sum(each[key] for each in report['files'].values()) for key in columns}
    for name, counts in (*report['files'].items(), ('**all**', total)):
        cells = (name.removeprefix('dynofa_ros/'), *(counts[key] for key in columns), score(counts))
        lines.append(f'| {" | ".join(map(str, cells))} |')
    return '\n'.join(lines)


def write_page(page: Path, room: str, text: str) -> None:
    """Replace the table of a room in a page."""
    start, end = f'<!-- table of {room} -->', f'<!-- end of {room} -->'
    before, _, rest = page.read_text().partition(start)
    after = rest.partition(end)[2]
    page.write_text(f'{before}{start}\n{text}\n{end}{after}')


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog='scripts/mutation', description='Mutation testing.')
    parser.add_argument('--room', required=True, choices=ROOMS)
    parser.add_argument('--only', default='', help='only mutants whose name has this text')
    parser.add_argument('--sample', type=int, help='how many mutants, drawn at random')
    parser.add_argument('--seed', type=int, default=0, help='of the sample')
    parser.add_argument(
        '--again', action='store_true', help='only those that the last run did not kill'
    )
    parser.add_argument(
        '--without', action='append', default=[], metavar='TEST', help='a test to leave out'
    )
    parser.add_argument('--page', action='store_true', help='write the table to docs/mutation.md')
    return parser.parse_args()


def choose(
    arguments: argparse.Namespace, names: Sequence[str], last: dict[str, dict[str, str]]
) -> list[str]:
    """Return the mutants to test."""
    if arguments.again:
        survived = {
            name for each in last.values() for name, status in each.items() if status not in KILLED
        }
        names = [name for name in names if name in survived]
    names = [name for name in names if arguments.only in name]
    if arguments.sample and arguments.sample < len(names):
        names = sorted(random.Random(arguments.seed).sample(names, arguments.sample))
    return list(names)


def main() -> int:
    """Mutate, test, and write the report as JSON and Markdown."""
    import mutmut

    arguments = parse_arguments()
    room = arguments.room
    folder = ROOT / 'build/mutation' / room.replace('/', '_')
    report_file = folder.with_suffix('.json')
    shutil.rmtree(folder, ignore_errors=True)
    sources = copy_tree(room, folder, without=arguments.without)
    last: dict[str, Any] = {}
    if arguments.again:
        last = json.loads(report_file.read_text())
        if last['sources'] != sources:
            sys.exit(f'mutation: sources of {room} have changed; expected the same for --again')

    os.chdir(folder)
    mutants = list_mutants(room)
    names = [name for each in mutants.values() for name in each]
    chosen = choose(arguments, names, last.get('results', {}))
    print(f'mutation: {len(chosen)} of {len(names)} mutants of {room}', flush=True)
    start_s = time.monotonic()
    run_mutmut(chosen if len(chosen) < len(names) else ())
    results = read_results(mutants)
    for file, earlier in last.get('results', {}).items():
        results[file] = earlier | results[file]
    survivors = [
        describe(name, file, status)
        for file, each in results.items()
        for name, status in each.items()
        if status not in KILLED
    ]
    report = {
        'room': room,
        'date': time.strftime('%Y-%m-%d'),
        'python': platform.python_version(),
        'mutmut': mutmut.__version__,
        'wall_s': last.get('wall_s', 0.0) + time.monotonic() - start_s,
        'sample': last.get('sample') or arguments.sample,
        'seed': last.get('seed') or arguments.seed,
        'sources': sources,
        'files': {
            file: {
                'mutants': len(mutants[file]),
                'tested': len(each),
                'killed': sum(status in KILLED for status in each.values()),
                'timeout': sum(status == 'timeout' for status in each.values()),
                'survived': sum(status not in KILLED for status in each.values()),
            }
            for file, each in results.items()
        },
        'survivors': survivors,
        'results': results,
    }
    report_file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + '\n')
    for each in survivors:
        print(f'{each["status"]}: {each["name"]}\n    - {each["before"]}\n    + {each["after"]}')
    print(table(report))
    print(f'mutation: written to {report_file.relative_to(ROOT)}')
    if arguments.page:
        write_page(ROOT / 'docs/mutation.md', room, table(report))
    return 0


if __name__ == '__main__':
    sys.exit(main())
