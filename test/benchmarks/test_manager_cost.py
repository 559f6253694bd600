# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""benchmarks/manager_cost.py: the real nodes, and an application that obeys."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.usefixtures('ros')
CASES = ['nothing happens', 'one camera at 30 Hz']


@pytest.fixture(scope='module')
def figures(load, tmp_path_factory):
    """Figures of a short run in a process of its own, which has a ROS context of its own."""
    file = tmp_path_factory.mktemp('manager_cost') / 'figures.json'
    command = [sys.executable, load('manager_cost').__file__, '--quick', '--json', file]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())


def test_each_case_was_measured_and_has_a_goal(figures):
    assert [each['case'] for each in figures['rows']] == CASES
    assert all(0 < each['share'] < 1 for each in figures['rows'])
    assert [each['goal'] for each in figures['goals']] == [0.005, 0.01]


def test_a_camera_costs_something(figures):
    idle, camera = figures['rows']
    assert camera['share'] > idle['share']


def test_another_version_needs_its_messages(refusal, tmp_path):
    error = refusal('manager_cost', ['--other', str(tmp_path)])
    assert 'expected a folder with a dynofa_ros package and its messages' in error
