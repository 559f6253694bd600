# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Representative rows of the fault matrix; `scripts/faults` runs all of them.

Times are goals of docs/reliability.md, not of this test: a busy machine is slower.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
pytestmark = pytest.mark.no_cover
HERE = Path(__file__).resolve().parent


@pytest.mark.timeout(900)
def test_nothing_crashes_nothing_is_lost_and_all_settings_are_as_found(tmp_path):
    observed = tmp_path / 'observed.json'
    command = [sys.executable, str(HERE / 'matrix.py'), '--quick', '--json', str(observed)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert observed.exists(), done.stdout + done.stderr
    rows = json.loads(observed.read_text())['rows']
    assert len(rows) >= 8
    assert {row['name']: row['broken'] for row in rows if row['broken']} == {}
