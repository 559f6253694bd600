# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Busy co-runner processes live exactly as long as their context."""

import subprocess
import sys
from pathlib import Path

import pytest

from dynofa_ros.offline.calibration.co_runner import BUSY_LOOP, busy_processes


def child_count():
    return len(Path('/proc/thread-self/children').read_text().split())


def test_the_requested_number_runs_within_the_context():
    before = child_count()
    with busy_processes(2):
        assert child_count() == before + 2
    assert child_count() == before


def test_all_are_killed_after_an_error():
    before = child_count()
    with pytest.raises(RuntimeError), busy_processes(1):
        raise RuntimeError
    assert child_count() == before


def test_a_process_exits_when_its_parent_is_gone():
    assert subprocess.run([sys.executable, '-c', BUSY_LOOP, '0'], timeout=60).returncode == 0
