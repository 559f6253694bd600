"""The machines of `boards.py` for every test, and the device of one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from boards import BOARDS
from fake_kernel import FakeKernel

from dynofa_ros.platform.linux import LinuxDevice, LinuxMachine


@pytest.fixture(scope='module', autouse=True)
def synced() -> Iterator[list[int]]:
    """Count what goes to disk instead of waiting for it: a busy disk takes seconds each time."""
    calls: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, 'fsync', calls.append)
        yield calls


@pytest.fixture
def board(tmp_path: Path) -> Callable[[str], FakeKernel]:
    """Return the maker of a machine by its name."""
    return lambda name: BOARDS[name](tmp_path / 'root')


@pytest.fixture
def open_board(tmp_path: Path) -> Callable[..., LinuxDevice]:
    """Return the opener of a machine's device, as its node does it."""

    def opener(kernel: FakeKernel, **changes: object) -> LinuxDevice:
        options = {'name': 'board', 'record_file': tmp_path / 'state' / 'clocks.json'}
        options |= {'clock': lambda: 0.0}
        return LinuxDevice(kernel, LinuxMachine.discover(kernel), **{**options, **changes})

    return opener
