# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frequencies are restored after any sequence of commands and failures.

At every write, the fake kernel checks that the frequency is listed, and that the minimum does not
exceed the maximum.
"""

import errno
import gc
import math
import tempfile
from contextlib import suppress
from pathlib import Path

from boards import BOARDS, linux_device
from fake_kernel import Killed
from hypothesis import given, settings
from hypothesis import strategies as st

from dynofa_ros.platform import DomainSetting

UNIT = st.floats(0, 1)
WILD = st.one_of(st.just(math.nan), st.floats(-1.0, 6e9))
COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(['cpu', 'gpu']), st.just('fixed'), UNIT, UNIT),
        st.tuples(st.sampled_from(['cpu', 'gpu']), st.just('range'), UNIT, UNIT),
        st.tuples(st.sampled_from(['cpu', 'gpu', 'warp']), st.just('wild'), WILD, WILD),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda command: command[0],
)
# The write that the kernel refuses, once; -1: none.
TROUBLE = st.tuples(
    st.integers(-1, 8), st.sampled_from([errno.EBUSY, errno.EINVAL, errno.EACCES, errno.ENODEV])
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just('apply'), COMMANDS, TROUBLE),
        st.tuples(st.just('apply'), COMMANDS, st.just((-1, 0))),
        st.tuples(st.just('kill'), COMMANDS, st.integers(0, 12)),
        st.tuples(st.just('restore'), COMMANDS, TROUBLE),
    ),
    min_size=1,
    max_size=5,
)
BOARD = st.sampled_from(
    ['xavier_nx_jetpack5', 'xavier_nx_two_cores', 'raspberry_pi_5', 'intel_laptop']
)


def settings_for(device, commands):
    """Return settings at available frequencies of a device, or at wild numbers."""
    domains = device.state().domains
    found = []
    for name, kind, one, two in commands:
        available = domains[name].available_frequencies_hz if name in domains else (1e9,)
        if kind != 'wild':
            one, two = sorted(available[round(each * (len(available) - 1))] for each in (one, two))
        found.append(
            DomainSetting(name, frequency_hz=one)
            if kind == 'fixed'
            else DomainSetting(name, min_frequency_hz=one, max_frequency_hz=two)
        )
    return found


def opened(kernel, folder):
    return linux_device(kernel, state_file=folder / 'clocks.json', clock=lambda: 0.0)


def refuse(kernel, trouble):
    """Let the kernel refuse one of the next writes."""
    write, code = trouble
    kernel.failures = [0] * write + [code] if write >= 0 else []


def kill(device, kernel, step):
    """Kill the process after some writes of a command and of restoring."""
    _, commands, writes = step
    kernel.kill_after = writes
    with suppress(Killed):
        device.apply(settings_for(device, commands))
        device.restore_frequencies()
    kernel.kill_after = None


def apply(device, kernel, step):
    """Apply a command: a refused one changes nothing, a valid one is applied.

    If the kernel also refuses to undo it, the result states that.
    """
    _, commands, trouble = step
    before = kernel.snapshot()
    refuse(kernel, trouble)
    outcome = device.apply(settings_for(device, commands))
    undone = not ('and not restored' in outcome.text and trouble[0] >= 0)
    if not outcome.applied and undone:
        assert kernel.snapshot() == before, outcome
    known = all(kind != 'wild' and name in device.state().domains for name, kind, *_ in commands)
    if known and trouble[0] < 0 and not kernel.enforced_minimum:
        assert outcome.applied, outcome


def restore_frequencies(device, kernel, step):
    """Apply a command, and restore it while the kernel refuses a write."""
    _, commands, trouble = step
    kernel.failures = []
    device.apply(settings_for(device, commands))
    refuse(kernel, trouble)
    device.restore_frequencies()


@settings(deadline=None, max_examples=100)
@given(name=BOARD, steps=STEPS)
def test_frequencies_are_restored_after_any_sequence(name, steps):
    with tempfile.TemporaryDirectory() as root:
        kernel = BOARDS[name](Path(root) / 'root')
        before = kernel.snapshot()
        device = opened(kernel, Path(root))
        for step in steps:
            {'apply': apply, 'kill': kill, 'restore': restore_frequencies}[step[0]](
                device, kernel, step
            )
            kernel.failures = []
            if step[0] == 'kill':
                del device
                gc.collect(0)
                device = opened(kernel, Path(root))
                assert kernel.snapshot() == before
        assert device.restore_frequencies().failed == ()
        device.close()
        assert kernel.snapshot() == before
