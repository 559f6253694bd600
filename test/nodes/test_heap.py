# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What is freed between memory in use goes back to the system."""

import ctypes
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
from dynofa_ros.nodes import heap

MIB = 2**20


def resident_bytes():
    lines = Path('/proc/self/status').read_text().splitlines()
    (line,) = (each for each in lines if each.startswith('VmRSS'))
    return 1024 * int(line.split()[1])


def trimming():
    """Return period and callback of the timer."""
    made = []
    node = SimpleNamespace(create_timer=lambda *args, **_: made.append(args))
    heap.trim_periodically(node)
    ((period_s, callback),) = made
    return period_s, callback


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), 'malloc_trim'), reason='needs glibc')
def test_holes_go_back_to_the_system():
    period_s, trim = trimming()
    assert period_s == heap.PERIOD_S
    blocks = [bytes(MIB // 16) for _ in range(64 * 16)]
    for block in blocks:
        memoryview(block).tobytes()  # touched, all of it
    last = blocks[-1]  # above all holes
    blocks.clear()
    before = resident_bytes()
    trim()
    assert before - resident_bytes() > 32 * MIB
    assert len(last) == MIB // 16


def test_another_c_library_keeps_what_it_wants(monkeypatch):
    monkeypatch.setattr(heap.ctypes, 'CDLL', lambda _: SimpleNamespace())
    heap.trim_periodically(SimpleNamespace())  # without a timer
