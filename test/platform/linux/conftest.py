# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Fake machines of `boards.py`, and their devices."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from boards import BOARDS, linux_device


@pytest.fixture(scope='module', autouse=True)
def synced():
    """Count calls of fsync instead of waiting for the disk."""
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, 'fsync', calls.append)
        yield calls


@pytest.fixture
def board(tmp_path):
    """Return a function that creates a fake machine by its name."""
    return lambda name: BOARDS[name](tmp_path / 'root')


@pytest.fixture
def kernel(board):
    """A Xavier NX."""
    return board('xavier_nx_jetpack5')


@pytest.fixture
def state_file(tmp_path):
    return tmp_path / 'state' / 'clocks.json'


@pytest.fixture
def open_board(state_file):
    """Return a function that opens a machine as a device."""
    return lambda kernel, **changes: linux_device(
        kernel, **{'state_file': state_file, 'clock': lambda: 0.0, **changes}
    )
