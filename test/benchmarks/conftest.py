# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Fixtures for the benchmarks: scripts that import each other from their own folder."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / 'benchmarks'


@pytest.fixture(scope='session')
def load():
    """Return a function that imports a file of benchmarks/ by name."""
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(BENCHMARKS)
        yield importlib.import_module


@pytest.fixture(scope='session')
def ros():
    """Skip the tests that use it where there is no ROS 2."""
    pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
    pytest.importorskip(
        'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
    )


@pytest.fixture(scope='session')
def smallest(load):
    """Return the smallest sub-network of the benchmarks."""
    networks = load('networks')
    return networks.ofa_networks(0, networks.SUBNETS[:1])[0]


@pytest.fixture(scope='module')
def run_main(load, tmp_path_factory):
    """Return a function that runs a benchmark in this process and returns its JSON."""

    def run(name, *options):
        file = tmp_path_factory.mktemp(name) / 'figures.json'
        assert load(name).main([*options, '--json', str(file)]) == 0
        return json.loads(file.read_text())

    return run


@pytest.fixture(scope='module')
def run_script(load, model_folder, tmp_path_factory):
    """Return a function that runs a benchmark of the node on a small model in a new process."""

    def run(name, *options):
        folder = tmp_path_factory.mktemp(name)
        file = folder / 'figures.json'
        command = [sys.executable, load(name).__file__, '--quick', '--engine', 'torch']
        command += ['--threads', '1', '--model', model_folder, '--json', file, *options]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=240
        )
        return done, json.loads(file.read_text()) if file.exists() else None

    return run


@pytest.fixture
def refusal(load, capsys):
    """Return a function that passes wrong options to a benchmark and returns the error output."""

    def run(name, options):
        with pytest.raises(SystemExit):
            load(name).main(options)
        return capsys.readouterr().err

    return run


@pytest.fixture(scope='session')
def make_frame(load):
    """Return a function that makes a Frame of whole seconds, with changed fields."""

    def make(index, **change):
        fields = {
            'frame_id': f'x/{index}',
            'sequence': index + 1,
            'subnet_id': 'a',
            'age_s': 1.0,
            'queue_s': 2.0,
            'preprocess_s': 4.0,
            'inference_s': 8.0,
            'postprocess_s': 16.0,
            'total_s': 63.0,
            'dropped': 0,
            'refused': 0,
        }
        return load('frames').Frame(**(fields | change))

    return make
