"""Programs that are always busy run as long as they are wanted."""

import subprocess
import sys
from pathlib import Path

import pytest

from dynofa_ros.offline.calibration.co_runner import BUSY, always_busy


def children():
    """Return the programs that this thread started."""
    return Path('/proc/thread-self/children').read_text().split()


def test_there_are_as_many_as_wanted_until_the_end():
    before = len(children())
    with always_busy(2):
        assert len(children()) == before + 2
    assert len(children()) == before


def test_they_end_after_an_error_too():
    before = len(children())
    with pytest.raises(RuntimeError), always_busy(1):
        raise RuntimeError
    assert len(children()) == before


def test_one_ends_by_itself_when_the_process_that_wanted_it_is_gone():
    nobody = '0'
    assert subprocess.run([sys.executable, '-c', BUSY, nobody], timeout=60).returncode == 0
