# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`rosdep install` finds all that package.xml names, on every system that ROS 2 is released for.

The real rosdep answers, without a network, from a copy of its index in ../shared/data/rosdistro.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
INDEX = ROOT.parent / 'shared' / 'data' / 'rosdistro'
ROSDEP = shutil.which('rosdep', path=f'{Path(sys.executable).parent}:{os.environ["PATH"]}')
SYSTEMS = {
    'humble': {'ubuntu:jammy'},
    'jazzy': {'ubuntu:noble', 'debian:bookworm'},
    'kilted': {'ubuntu:noble', 'debian:bookworm'},
    'lyrical': {'ubuntu:resolute', 'debian:trixie'},
}
"""The Debian and Ubuntu releases that each ROS 2 has packages for."""

pytestmark = [
    pytest.mark.skipif(ROSDEP is None, reason='rosdep is not installed: pip install rosdep'),
    pytest.mark.skipif(not INDEX.is_dir(), reason=f'the index of rosdep is missing: {INDEX}'),
]


@pytest.fixture(scope='module')
def rosdep(tmp_path_factory):
    """Return a function that runs rosdep with the stored index only."""
    folder = tmp_path_factory.mktemp('rosdep')
    sources = folder / 'sources.list.d'
    sources.mkdir()
    files = [INDEX / name for name in ('base.yaml', 'python.yaml')]
    (sources / 'stored.list').write_text(''.join(f'yaml {file.as_uri()}\n' for file in files))
    nowhere = 'http://127.0.0.1:9'  # the discard port: a request fails at once
    environment = {
        'HOME': str(folder),
        'PATH': os.environ['PATH'],
        'ROS_HOME': str(folder / 'ros'),
        'ROS_PYTHON_VERSION': '3',
        'ROSDEP_SOURCE_PATH': str(sources),
        'ROSDISTRO_INDEX_URL': (INDEX / 'index-v4.yaml').as_uri(),
        'http_proxy': nowhere,
        'https_proxy': nowhere,
    }

    def run(*arguments):
        return subprocess.run(
            [ROSDEP, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=200,
            env=environment,
        )

    updated = run('update')
    assert updated.returncode == 0, updated.stderr
    return run


@pytest.fixture
def install(rosdep, tmp_path):
    """Return a function that simulates `rosdep install` for the text of a package.xml."""

    def run(manifest, ros, system):
        (tmp_path / 'package.xml').write_text(manifest)
        return rosdep(
            *('install', '--from-paths', tmp_path, '--ignore-src', '--simulate', '--default-yes'),
            *('--rosdistro', ros, '--os', system),
            '--reinstall',  # it leaves out what this machine has
        )

    return run


@pytest.mark.parametrize('ros', SYSTEMS)
def test_the_systems_are_those_of_the_index(ros):
    released = yaml.safe_load((INDEX / ros / 'distribution.yaml').read_text())['release_platforms']
    assert SYSTEMS[ros] == {
        f'{name}:{each}' for name in ('ubuntu', 'debian') for each in released.get(name, ())
    }


@pytest.mark.parametrize(
    ('ros', 'system'), [(ros, each) for ros, systems in SYSTEMS.items() for each in sorted(systems)]
)
def test_every_key_is_a_package_of_apt(install, ros, system):
    manifest = (ROOT / 'package.xml').read_text()
    found = install(manifest, ros, system)
    assert found.returncode == 0, found.stderr
    lines = [line.strip() for line in found.stdout.splitlines() if not line.startswith('#[apt]')]
    command = r'(?:sudo -H )?apt-get install -y (?:--reinstall )?([\w.-]+)'
    names = [re.fullmatch(command, line) for line in lines]
    assert all(names), found.stdout  # pip is refused by the system's Python (PEP 668)
    keys = set(re.findall(r'<(?:\w+_)?depend>(.+)</', manifest))
    expected = {k if k.startswith('python3-') else f'ros-{ros}-{k.replace("_", "-")}' for k in keys}
    assert {match[1] for match in names} == expected


def test_a_key_that_is_unknown_is_reported(install):
    manifest = (ROOT / 'package.xml').read_text()
    key = 'python3-pymoo-pip'
    changed = manifest.replace('<exec_depend>python3-numpy<', f'<exec_depend>{key}<')
    found = install(changed, 'jazzy', 'ubuntu:noble')
    assert found.returncode != 0
    assert f'Cannot locate rosdep definition for [{key}]' in found.stderr
