# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What is put on a robot: systemd units, and the commands of docs/robot.md that install them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dynofa_ros.platform.linux.restore import SYSTEM, default_state_file

ROOT = Path(__file__).resolve().parent.parent
SYSTEMD = ROOT / 'config' / 'systemd'
SERVICE, DROP_IN = SYSTEMD / 'dynofa-platform.service', SYSTEMD / 'dynofa.conf'
PAGE = ROOT / 'docs' / 'robot.md'
REPEATED = {'ExecStartPre', 'Environment', 'SystemCallFilter'}
SYSTEMD_ANALYZE = pytest.mark.skipif(
    not shutil.which('systemd-analyze'), reason='systemd is not installed here'
)
# Stand-ins for what belongs to a whole machine; each writes down how it was called.
PRETENDED = (
    'chown', 'getent', 'groupadd', 'groupdel', 'systemctl', 'udevadm', 'useradd', 'userdel',
    'usermod',
)  # fmt: skip


def entries(unit: Path) -> dict[str, dict[str, list[str]]]:
    """Return the values of a unit by section and key; raises ValueError for any other line."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in unit.read_text(encoding='utf-8').splitlines():
        if not line or line.startswith('#'):
            continue
        if section := re.fullmatch(r'\[(\w+)\]', line):
            keys = sections.setdefault(section[1], {})
            continue
        key, equals, value = line.partition('=')
        if not equals or not key.isalnum():
            raise ValueError(f'{unit.name}: {line!r} is no entry')
        keys.setdefault(key, []).append(value)
    return sections


def started_by(unit: Path, key: str) -> list[str]:
    """Return the command of an entry, as systemd hands it to the kernel."""
    (value,) = entries(unit)['Service'][key]
    return [word.replace('$$', '$').replace('%%', '%') for word in shlex.split(value)]


def blocks(heading: str) -> list[str]:
    """Return the blocks of commands under a heading of the page."""
    text = PAGE.read_text(encoding='utf-8')
    section = re.search(
        rf'^#+ {heading}.*?\n(.*?)(?=^## |\Z)', text, flags=re.DOTALL | re.MULTILINE
    )
    assert section
    return re.findall(r'^```sh\n(.*?)^```', section[1], flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def overlay(tmp_path: Path) -> dict[str, str]:
    """A workspace whose programs say how they were called; the environment of the service."""
    for name in ('bin/dynofa', 'lib/dynofa_ros/platform_node'):
        program = tmp_path / 'overlay' / name
        program.parent.mkdir(parents=True)
        program.write_text('#!/bin/sh\necho "$(basename "$0")" "$@"\n')
        program.chmod(0o755)
    setup = tmp_path / 'setup.bash'
    setup.write_text(f'export PATH={tmp_path}/overlay/bin:$PATH\n')
    arguments = next(
        line.partition('=')[2]
        for line in (SYSTEMD / 'environment').read_text(encoding='utf-8').splitlines()
        if line.startswith('DYNOFA_ARGUMENTS=')
    )
    path = '/usr/local/bin:/usr/bin:/bin'
    return {'PATH': path, 'DYNOFA_SETUP': str(setup), 'DYNOFA_ARGUMENTS': arguments}


@pytest.fixture
def paste(tmp_path: Path) -> Callable[[str], str]:
    """Return what runs commands of the page below an empty root, and says what they called."""
    programs, root = tmp_path / 'programs', tmp_path / 'root'
    programs.mkdir()
    calls = tmp_path / 'calls'
    for name in PRETENDED:
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {calls}\n')
    (programs / 'sudo').write_text('#!/bin/sh\nexec "$@"\n')
    (programs / 'ros2').write_text(
        f'#!/bin/sh\n[ "$*" = "pkg prefix --share dynofa_ros" ] && echo {ROOT}\n'
    )
    for each in programs.iterdir():
        each.chmod(0o755)
    (files,) = blocks('On a robot')

    def run(commands: str) -> str:
        calls.write_text('')
        text = re.sub(r'(?<![\w.}])/(?=(?:etc|opt|var)\b)', f'{root}/', files + commands)
        environment = {'PATH': f'{programs}:/usr/bin:/bin', 'USER': 'ada', 'HOME': str(tmp_path)}
        done = subprocess.run(
            ['bash', '-e', '-c', text], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return calls.read_text()

    return run


def installed(root: Path) -> set[str]:
    return {f'/{file.relative_to(root)}' for file in root.rglob('*') if file.is_file()}


@pytest.mark.parametrize('unit', [SERVICE, DROP_IN], ids=lambda unit: unit.name)
def test_no_entry_takes_the_place_of_another(unit: Path) -> None:
    twice = {
        key
        for keys in entries(unit).values()
        for key, values in keys.items()
        if len(values) > 1 and key not in REPEATED
    }
    assert twice == set()


@SYSTEMD_ANALYZE
def test_the_service_is_exposed_by_at_most_2() -> None:
    """The scale of systemd ends at 10; what remains is DDS, /sys and the tree of programs."""
    command = ['systemd-analyze', 'security', '--offline=true', '--no-pager', '--threshold=20']
    done = subprocess.run([*command, str(SERVICE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Overall exposure level' in done.stdout


@SYSTEMD_ANALYZE
def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    own = tmp_path / 'yourrobot.service'
    own.write_text('[Service]\nUser=ada\nExecStart=/bin/true\n')
    drop_ins = tmp_path / 'yourrobot.service.d'
    drop_ins.mkdir()
    shutil.copy(DROP_IN, drop_ins)
    service = shutil.copy(SERVICE, tmp_path)
    done = subprocess.run(
        ['systemd-analyze', 'verify', '--man=no', service, own], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, '')


def test_the_node_is_not_root_and_may_write_clocks() -> None:
    service = entries(SERVICE)['Service']
    assert (service['User'], service['Group']) == (['dynofa'], ['dynofa'])
    assert service['ProtectKernelTunables'] == ['no']


def test_only_udevadm_runs_as_root() -> None:
    for unit in (SERVICE, DROP_IN):
        commands = [
            value
            for key, values in entries(unit)['Service'].items()
            if key.startswith('Exec')
            for value in values
        ]
        privileged = [each for each in commands if re.match(r'[-@:]*[+!]', each)]
        assert {each.lstrip('+-').split()[0] for each in privileged} == {'/bin/udevadm'}


def test_restore_by_hand_finds_the_state_file_of_the_service() -> None:
    (folder,) = entries(SERVICE)['Service']['StateDirectory']
    assert Path('/var/lib') / folder == SYSTEM
    in_service = default_state_file({'STATE_DIRECTORY': f'/var/lib/{folder}'})
    assert in_service.parent == SYSTEM


def test_the_service_starts_the_node_with_the_arguments_of_the_environment_file(
    overlay: dict[str, str],
) -> None:
    command = started_by(SERVICE, 'ExecStart')
    said = subprocess.run(command, env=overlay, capture_output=True, text=True, check=True).stdout
    expected = f'platform_node --ros-args {overlay["DYNOFA_ARGUMENTS"]}\n'
    assert said == expected


@pytest.mark.parametrize('unit', [SERVICE, DROP_IN], ids=lambda unit: unit.name)
def test_clocks_are_put_back_when_it_stops(unit: Path, overlay: dict[str, str]) -> None:
    command = started_by(unit, 'ExecStopPost')
    said = subprocess.run(command, env=overlay, capture_output=True, text=True, check=True).stdout
    assert said == 'dynofa platform restore\n'


def test_a_setup_file_that_is_missing_starts_nothing(overlay: dict[str, str]) -> None:
    environment = overlay | {'DYNOFA_SETUP': '/nowhere/setup.bash'}
    command = started_by(SERVICE, 'ExecStart')
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, '')
    assert '/nowhere/setup.bash' in done.stderr


def test_the_rule_is_installed_as_the_page_says(
    paste: Callable[[str], str], tmp_path: Path
) -> None:
    called = paste(blocks('Permissions')[0])
    assert installed(tmp_path / 'root') == {'/etc/udev/rules.d/90-dynofa.rules'}
    assert 'usermod -aG dynofa ada' in called


def test_the_service_and_the_drop_in_are_installed_as_the_page_says(
    paste: Callable[[str], str], tmp_path: Path
) -> None:
    called = ''.join(paste(block) for block in blocks('Start at boot'))
    assert installed(tmp_path / 'root') == {
        '/etc/dynofa/environment',
        '/etc/dynofa/dynofa.yaml',
        '/etc/systemd/system/dynofa-platform.service',
        '/etc/systemd/system/yourrobot.service.d/dynofa.conf',
    }
    assert 'systemctl enable --now dynofa-platform.service' in called


def test_undoing_leaves_nothing(paste: Callable[[str], str], tmp_path: Path) -> None:
    for block in [*blocks('Permissions'), *blocks('Start at boot'), *blocks('Undo')]:
        paste(block)
    assert installed(tmp_path / 'root') == set()


def test_the_service_triggers_what_the_page_does() -> None:
    (page,) = re.findall(r'udevadm (trigger .*)', blocks('Permissions')[0])
    for unit in (SERVICE, DROP_IN):
        trigger = entries(unit)['Service']['ExecStartPre'][0]
        assert trigger == f'+-/bin/udevadm {page}'
