# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import ctypes
import re
from pathlib import Path

import pytest

from dynofa_ros.engine import memory


@pytest.fixture
def another_libc(monkeypatch):
    """A C library without mallinfo2, as musl or an older glibc."""
    memory._mallinfo2.cache_clear()
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: object())
    yield
    memory._mallinfo2.cache_clear()


def test_the_memory_of_an_allocation_is_counted_until_it_is_freed():
    before = memory.allocated_bytes()
    block = bytearray(2**26)
    held = memory.allocated_bytes()
    del block
    freed = memory.allocated_bytes()
    assert held - before == pytest.approx(2**26, rel=0.05)
    assert freed - before < 2**20


def test_without_mallinfo2_it_is_the_resident_set(another_libc):
    status = Path('/proc/self/status').read_text()
    expected = int(re.search(r'VmRSS:\s+(\d+) kB', status)[1]) * 1024
    assert memory.allocated_bytes() == pytest.approx(expected, rel=0.1)
