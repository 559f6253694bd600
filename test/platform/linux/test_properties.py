"""No sequence of commands and failures leaves a clock turned.

That no write is outside the device's list, and that the minimum is never above the maximum, is
checked by the kernel of these tests at every write.
"""

from __future__ import annotations

import errno
import gc
import math
import tempfile
from contextlib import suppress
from pathlib import Path

from boards import BOARDS
from fake_kernel import FakeKernel, Killed
from hypothesis import given, settings
from hypothesis import strategies as st

from dynofa_ros.platform import DomainSetting
from dynofa_ros.platform.linux import LinuxDevice, LinuxMachine

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
# At which write the kernel refuses, once; -1: never.
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


def asked(device: LinuxDevice, commands: list[tuple]) -> list[DomainSetting]:
    """Return commands in the frequencies of a device: parts of its list, or wild numbers."""
    domains = device.state().domains
    found = []
    for name, kind, one, two in commands:
        offered = domains[name].available_frequencies_hz if name in domains else (1e9,)
        if kind != 'wild':
            one, two = sorted(offered[round(each * (len(offered) - 1))] for each in (one, two))
        found.append(
            DomainSetting(name, frequency_hz=one)
            if kind == 'fixed'
            else DomainSetting(name, min_frequency_hz=one, max_frequency_hz=two)
        )
    return found


def opened(kernel: FakeKernel, folder: Path) -> LinuxDevice:
    machine = LinuxMachine.discover(kernel)
    file = folder / 'clocks.json'
    return LinuxDevice(kernel, machine, name='board', record_file=file, clock=lambda: 0.0)


def refuse(kernel: FakeKernel, trouble: tuple[int, int]) -> None:
    """Let the kernel refuse one of the writes to come."""
    write, code = trouble
    kernel.failures = [0] * write + [code] if write >= 0 else []


def kill(device: LinuxDevice, kernel: FakeKernel, step: tuple) -> None:
    """End the process after some writes of a command and of putting back."""
    _, commands, writes = step
    kernel.kill_after = writes
    with suppress(Killed):
        device.apply(asked(device, commands))
        device.restore_frequencies()
    kernel.kill_after = None


def apply(device: LinuxDevice, kernel: FakeKernel, step: tuple) -> None:
    """Give a command; one that is refused changes nothing, one that is right is obeyed.

    Where the kernel refuses to undo it, too, the answer says so.
    """
    _, commands, trouble = step
    before = kernel.snapshot()
    refuse(kernel, trouble)
    outcome = device.apply(asked(device, commands))
    undone = not ('and not put back' in outcome.text and trouble[0] >= 0)
    if not outcome.applied and undone:
        assert kernel.snapshot() == before, outcome
    known = all(kind != 'wild' and name in device.state().domains for name, kind, *_ in commands)
    if known and trouble[0] < 0 and not kernel.kept_minimum:
        assert outcome.applied, outcome


def restore_frequencies(device: LinuxDevice, kernel: FakeKernel, step: tuple) -> None:
    """Give a command, and put it back under a kernel that refuses a write."""
    _, commands, trouble = step
    kernel.failures = []
    device.apply(asked(device, commands))
    refuse(kernel, trouble)
    device.restore_frequencies()


@settings(deadline=None, max_examples=100)
@given(name=BOARD, steps=STEPS)
def test_no_sequence_leaves_a_clock_turned(name: str, steps: list[tuple]) -> None:
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
