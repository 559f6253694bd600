# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Faults of processes: killed, suspended, doubled, late, and starved of the processor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from fault import RESTART_S, Fault
from message_faults import publisher
from processes import MANAGER, NODES, PERCEPTION, PLATFORM
from rig import WATCHDOG_S, Rig

from dynofa_ros import msg

JOINERS = 50
SHARED_MEMORY = Path('/dev/shm')
RESTORED = 'frequency settings are as found while it lasts'


def killed(*names: str) -> Callable[[Rig], Iterator[None]]:
    """Return a fault: nodes are killed, and started again afterwards."""

    def inject(rig: Rig) -> Iterator[None]:
        rig.processes.signal(signal.SIGKILL, *names)
        yield

    return inject


def suspended(*names: str) -> Callable[[Rig], Iterator[None]]:
    """Return a fault: nodes are suspended for a while."""

    def inject(rig: Rig) -> Iterator[None]:
        rig.stop(*names)
        yield
        rig.resume(*names)

    return inject


def another_manager_publishes(rig: Rig) -> Iterator[None]:
    """The manager that commanded is killed, while another one publishes its state."""
    with publisher(rig, 'manager_state', msg.ManagerState) as output:
        ended = threading.Event()

        def publish() -> None:
            while not ended.wait(0.2):
                output.publish(msg.ManagerState(objective='max_accuracy'))

        thread = threading.Thread(target=publish)
        thread.start()
        rig.processes.signal(signal.SIGKILL, MANAGER)
        yield
        ended.set()
        thread.join()


def second(node: str, name: str, **parameters: object) -> Callable[[Rig], Iterator[None]]:
    """Return a fault: a second node of this kind starts."""

    def inject(rig: Rig) -> Iterator[None]:
        rig.start(node, label=name, name=name, **parameters)
        yield
        rig.processes.end(name)

    return inject


def second_perception(rig: Rig) -> Iterator[None]:
    """A second perception node of the same name and application."""
    rig.start(PERCEPTION, label='perception_2')
    rig.time_until(lambda: 'ready after' in rig.processes.log('perception_2').read_text(), 20.0)
    rig.fault_now()
    yield
    rig.processes.end('perception_2')


def late_joiners(rig: Rig) -> Iterator[None]:
    """Nodes that start late, and leave when each has the state of all."""
    rig.processes.run('joiners', str(Path(__file__).with_name('joiners.py')), str(JOINERS))
    yield
    rig.processes.forget('joiners')


def joined(rig: Rig) -> bool:
    return rig.processes.exit_code('joiners') == 0


def busy_cores(rig: Rig) -> Iterator[None]:
    """Two endless loops for each core."""
    loops = [
        subprocess.Popen([sys.executable, '-c', 'while True: pass'])
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    yield
    for each in loops:
        each.kill()
        each.wait()


def killed_often(rig: Rig) -> Iterator[None]:
    """Perception is killed three times, each time once it is ready, and leaves its memory."""
    for _ in range(3):
        rig.processes.signal(signal.SIGKILL, PERCEPTION)
        rig.start_missing()
        rig.time_until(lambda: rig.works(rig.fault_began_s), 20.0)
        rig.fault_now()
    yield


def no_dead_segments(rig: Rig) -> bool:
    """Return whether every segment of shared memory belongs to a process that runs."""
    return not dead_segments()


def dead_segments() -> list[str]:
    """Return the segments of Fast DDS that no process has mapped."""
    mapped = set()
    for maps in Path('/proc').glob('[0-9]*/maps'):
        try:
            text = maps.read_text()
        except OSError:  # it ended
            continue
        mapped |= {
            line.rpartition('/dev/shm/')[2] for line in text.splitlines() if '/dev/shm/' in line
        }
    segments = {each.name for each in SHARED_MEMORY.glob('fastdds_' + 16 * '[0-9a-f]')}
    return sorted(segments - mapped)


FAULTS = (
    *(
        Fault(
            f'kill -9 of {name}',
            killed(name),
            'it is started again',
            recover_s=RESTART_S,
            loses=name == PERCEPTION,
            quick=name == MANAGER,
        )
        for name in NODES
    ),
    Fault(
        'kill -9 of all nodes',
        killed(*NODES),
        'they are started again',
        recover_s=RESTART_S,
        loses=True,
    ),
    *(
        Fault(
            f'SIGSTOP of {name} for 2 s, then SIGCONT',
            suspended(name),
            'it goes on',
            lasts_s=2.0,
            loses=name == PERCEPTION,
            gentle=True,
            quick=name == PLATFORM,
        )
        for name in NODES
    ),
    Fault(
        'SIGSTOP of all nodes for 2 s, then SIGCONT',
        suspended(*NODES),
        'they go on',
        lasts_s=2.0,
        loses=True,
        gentle=True,
    ),
    Fault(
        'resource manager killed and not started again',
        killed(MANAGER),
        RESTORED,
        seen=lambda rig: rig.as_found,
        seen_s=WATCHDOG_S + 2,
        recover_s=RESTART_S,
        quick=True,
    ),
    Fault(
        'resource manager killed while another one publishes',
        another_manager_publishes,
        RESTORED,
        seen=lambda rig: rig.as_found,
        seen_s=WATCHDOG_S + 2,
        recover_s=RESTART_S,
    ),
    Fault(
        'perception killed and not started again',
        killed(PERCEPTION),
        RESTORED,
        seen=lambda rig: rig.as_found,
        seen_s=6.0,
        recover_s=RESTART_S,
        loses=True,
    ),
    Fault(
        'second resource manager with another objective',
        second(MANAGER, 'manager_2', objective='max_accuracy', deadline_s=0.001),
        'one stands down, named in diagnostics',
        seen=lambda rig: rig.warned(
            'another resource manager', 'stands down', 'standing by', 'second manager'
        ),
        seen_s=5.0,
        recover_s=10.0,
    ),
    Fault(
        'second platform node with its own state file',
        second(PLATFORM, 'platform_2', state_file='state_2/clocks.json'),
        'its frequencies are read only, named in diagnostics',
        seen=lambda rig: rig.warned('platform_2: read only', 'another process sets frequencies'),
        seen_s=5.0,
    ),
    Fault(
        'second perception node of the same name',
        second_perception,
        'it is named in diagnostics',
        seen=lambda rig: rig.warned('another', 'two nodes', 'same name', 'second'),
        seen_s=3.0,
        loses=True,
        twice=True,
    ),
    Fault(
        f'{JOINERS} late joiners',
        late_joiners,
        'each receives the last state of every node',
        seen=joined,
        seen_s=15.0,
        recover_s=10.0,
        gentle=True,
    ),
    Fault(
        'all cores taken for 3 s',
        busy_cores,
        'frames are served or dropped',
        lasts_s=3.0,
        gentle=True,
    ),
    Fault(
        'perception killed three times in a row',
        killed_often,
        'no shared memory is left behind',
        seen=no_dead_segments,
        seen_s=15.0,  # a segment is known to be dead 10 s after it was made; nodes look every 5 s
        recover_s=RESTART_S,
        loses=True,
    ),
)
