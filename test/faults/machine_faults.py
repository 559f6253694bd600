# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Faults of the machine: its kernel, files and storage."""

from __future__ import annotations

import errno
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fault import RESTART_S, Fault
from processes import MANAGER, PERCEPTION, PLATFORM
from rig import WATCHDOG_S, Rig

RESTORED = 'frequency settings are as found while it lasts'
REFUSED = 'the command is refused, with the reason in platform_state'
IGNORED = 'it is ignored and made anew'


def kernel(**faults: float) -> Callable[[Rig], Iterator[None]]:
    """Return a fault: the kernel refuses or delays the writes of a new platform node."""

    def inject(rig: Rig) -> Iterator[None]:
        rig.processes.end(PLATFORM)
        rig.fail_writes(**faults)
        rig.start(PLATFORM)
        yield
        rig.fail_writes()

    return inject


def refused_since(rig: Rig) -> bool:
    """Return whether the platform node reports a command that it did not apply."""
    state = rig.listener.since('platform_state', rig.fault_began_s + 0.5)
    return state is not None and state.command_sequence > 0 and not state.command_applied


def restoring_fails(rig: Rig) -> Iterator[None]:
    """The manager is killed, and the kernel refuses to restore for a while."""
    rig.fail_writes(errno=errno.EBUSY)
    rig.processes.signal(signal.SIGKILL, MANAGER)
    time.sleep(WATCHDOG_S + 1.0)
    rig.fail_writes()
    yield


def without_state(damage: Callable[[Path], object]) -> Callable[[Rig], Iterator[None]]:
    """Return a fault: the state file is damaged, then the manager is killed."""

    def inject(rig: Rig) -> Iterator[None]:
        damage(rig.state_file)
        rig.processes.signal(signal.SIGKILL, MANAGER)
        yield

    return inject


def damaged_state_at_start(rig: Rig) -> Iterator[None]:
    """The platform node finds a state file that is not one; the file is removed afterwards."""
    rig.processes.end(PLATFORM)
    rig.state_file.write_text('{"boot_id": 3')
    rig.start(PLATFORM)
    yield
    rig.processes.forget(PLATFORM) if not rig.processes.alive(PLATFORM) else rig.processes.end(
        PLATFORM
    )
    rig.state_file.unlink(missing_ok=True)


def exits_or_speaks(rig: Rig) -> bool:
    """Return whether the platform node ended with an error, or publishes and names the file."""
    if not rig.processes.alive(PLATFORM):
        return rig.processes.exit_code(PLATFORM) == 1
    state = rig.listener.since('platform_state', rig.fault_began_s + 1.0)
    return state is not None and rig.warned('state file')


def full(folder: Callable[[Rig], Path], *restarted: str) -> Callable[[Rig], Iterator[None]]:
    """Return a fault: the file system of a folder is full when these nodes start."""

    def inject(rig: Rig) -> Iterator[None]:
        for name in restarted:
            rig.processes.end(name)
        filler = folder(rig) / 'filler'
        fill(filler)
        for name in restarted:
            rig.start(name)
        yield
        filler.unlink()

    return inject


def fill(file: Path) -> None:
    """Write until the file system is full."""
    with file.open('wb', buffering=0) as stream:
        for size in (2**20, 2**12, 1):
            try:
                while stream.write(bytes(size)) == size:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def serves_again(rig: Rig) -> bool:
    """Return whether frames are served that were sent after the fault began."""
    sent_s = [rig.camera.sent.get(each.header.frame_id, 0.0) for each in rig.listener.reports[-1:]]
    return bool(sent_s) and sent_s[0] > rig.fault_began_s + 1.0


def damaged_weights(rig: Rig) -> Iterator[None]:
    """The weights are overwritten while perception runs; they are repaired afterwards."""
    weights = rig.model / 'weights.pt'
    content = weights.read_bytes()
    weights.write_bytes(b'damaged' + content[:1000])
    yield
    weights.write_bytes(content)


def damaged(*files: Callable[[Rig], list[Path]]) -> Callable[[Rig], Iterator[None]]:
    """Return a fault: files are overwritten, then perception is killed and started."""

    def inject(rig: Rig) -> Iterator[None]:
        for found in files:
            for file in found(rig):
                file.write_bytes(b'\xff\xfe{damaged' + file.read_bytes()[20:2000])
        rig.processes.signal(signal.SIGKILL, PERCEPTION)
        rig.start(PERCEPTION)
        yield

    return inject


def cache_files(rig: Rig) -> list[Path]:
    return [each for each in rig.cache.rglob('*') if each.is_file()]


FAULTS = (
    Fault(
        'kernel refuses every frequency (EBUSY)',
        kernel(errno=errno.EBUSY),
        REFUSED,
        seen=refused_since,
        seen_s=10.0,
        recover_s=10.0,
        quick=True,
    ),
    Fault(
        'files of the frequencies are read only (EROFS)',
        kernel(errno=errno.EROFS),
        'frequencies are read only, named in diagnostics',
        seen=lambda rig: rig.warned('read only', 'not settable') or refused_since(rig),
        seen_s=10.0,
        recover_s=10.0,
    ),
    Fault(
        'kernel takes 1 s for every write',
        kernel(delay_s=1.0),
        'frequencies are set',
        seen=lambda rig: not rig.as_found,
        seen_s=15.0,
        recover_s=15.0,
    ),
    Fault(
        'restoring fails while the watchdog fires',
        restoring_fails,
        'it is tried again until frequency settings are as found',
        seen=lambda rig: rig.as_found,
        seen_s=WATCHDOG_S + 4,
        recover_s=RESTART_S,
    ),
    Fault(
        'state file vanishes',
        without_state(lambda file: file.unlink()),
        RESTORED,
        seen=lambda rig: rig.as_found,
        seen_s=WATCHDOG_S + 3,
        recover_s=RESTART_S,
    ),
    Fault(
        'state file is no longer UTF-8',
        without_state(lambda file: file.write_bytes(b'\xff\xfe')),
        RESTORED,
        seen=lambda rig: rig.as_found,
        seen_s=WATCHDOG_S + 3,
        recover_s=RESTART_S,
    ),
    Fault(
        'platform node starts with a damaged state file',
        damaged_state_at_start,
        'it exits with 1, or publishes and names the file',
        seen=exits_or_speaks,
        seen_s=10.0,
        recover_s=10.0,
    ),
    Fault(
        'disk of the state file is full',
        full(lambda rig: rig.state_folder, PLATFORM),
        'no frequency is set; ' + REFUSED,
        seen=lambda rig: refused_since(rig) and rig.as_found,
        seen_s=10.0,
        recover_s=10.0,
        needs_mounts=True,
    ),
    Fault(
        '/dev/shm is full when perception starts',
        full(lambda rig: Path('/dev/shm'), PERCEPTION),
        'frames are served',
        seen=serves_again,
        seen_s=RESTART_S,
        recover_s=RESTART_S,
        loses=True,
        needs_mounts=True,
    ),
    Fault(
        'weights damaged while perception runs',
        damaged_weights,
        'frames are served',
        seen=serves_again,
        gentle=True,
    ),
    Fault(
        'compiled cache damaged, perception killed and started',
        damaged(cache_files),
        IGNORED,
        seen=serves_again,
        seen_s=RESTART_S,
        recover_s=RESTART_S,
        loses=True,
    ),
    Fault(
        'profile damaged, perception killed and started',
        damaged(lambda rig: [rig.profile]),
        IGNORED,
        seen=serves_again,
        seen_s=RESTART_S,
        recover_s=RESTART_S,
        loses=True,
    ),
)
