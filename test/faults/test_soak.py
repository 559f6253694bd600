# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A soak of two minutes; `scripts/soak --minutes 30` is the one of docs/reliability.md."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
HERE = Path(__file__).resolve().parent


@pytest.mark.timeout(900)
def test_every_frame_is_accounted_for_and_nothing_leaks(tmp_path):
    observed = tmp_path / 'observed.json'
    command = [sys.executable, str(HERE / 'soak.py'), '--minutes', '2', '--no-page']
    command += ['--json', str(observed)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert observed.exists(), done.stdout + done.stderr
    figures = json.loads(observed.read_text())
    assert figures['problems'] == []
    assert figures['account']['served'] > 0
    assert figures['account']['lost'] == figures['account']['excused']
    assert [each for each in figures['growth'] if not each['met']] == []
    assert len(figures['growth']) == 12  # 4 figures of 3 nodes
