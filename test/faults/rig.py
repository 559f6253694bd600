# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The robot of the fault matrix: a camera, three nodes, and a machine whose files are in a folder.

The machine is a Raspberry Pi 5 with a fake kernel. The manager takes the least energy, and every
sub-network meets the deadline at every clock: it commands the lowest frequency, so the settings
differ from those found as long as it manages.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from accounting import account
from boards import BOARDS
from camera import Camera, picture
from fault import Fault, Outcome
from faulty_platform import FAULTS
from listener import Listener
from processes import MANAGER, NODES, PERCEPTION, PLATFORM, Processes, peak_bytes

START_S = 120.0
"""Patience with the first start, which compiles and measures [s]."""
RECOVERY_S = 45.0
"""Patience with a recovery [s]."""
SEEN_S = 15.0
"""Patience with what has to be observed [s]."""
WATCHDOG_S = 2.0
MANAGER_PARAMETERS: dict[str, object] = {
    'objective': 'min_energy',
    'deadline_s': 5.0,
    'hold_s': 1.0,
    'report_timeout_s': 2.0,
    'release_s': 3.0,
}
STATE_BYTES = 256 * 2**10


class Rig:
    """Runs the nodes, injects faults and observes."""

    def __init__(self, folder: Path, model: Path, *, mounts: bool) -> None:
        self.folder, self.mounts = folder, mounts
        self.kernel = BOARDS['raspberry_pi_5'](folder / 'root')
        self.original = self.kernel.snapshot()
        self.model = shutil.copytree(model, folder / 'model')
        self.state_folder = folder / 'state'
        self.state_folder.mkdir()
        if mounts:
            tmpfs = ['mount', '-t', 'tmpfs', '-o', f'size={STATE_BYTES}', 'tmpfs']
            subprocess.run([*tmpfs, str(self.state_folder)], check=True)
        self.state_file = self.state_folder / 'clocks.json'
        self.profile, self.cache = folder / 'profile.json', folder / 'cache'
        self.processes = Processes(folder)
        self.listener = Listener()
        self.camera = Camera(self.listener.node)
        self.fault_began_s = math.nan
        self._manager: dict[str, object] = {}

    # The robot.

    def start(self, node: str, *, label: str = '', name: str = '', **changes: object) -> None:
        """Start a node with the rig's parameters, and changes of them.

        `label` is the name of the process and of its log, `name` that of the node.
        """
        machine = {'platform': 'raspberry_pi_5', 'device': 'linux', 'sysfs_root': self.kernel.root}
        parameters: dict[str, object] = {
            PERCEPTION: machine
            | {'model': self.model, 'profile': self.profile, 'cache': self.cache}
            | {'threads': 1, 'profile_rounds': 3},
            MANAGER: MANAGER_PARAMETERS | self._manager,
            PLATFORM: machine
            | {'state_file': self.state_file, 'manager_timeout_s': WATCHDOG_S}
            | {'publish_battery': False},
        }[node]
        parameters |= changes
        self.processes.start(node, label=label or node, name=name or node, **parameters)

    def start_missing(self) -> None:
        """Start the nodes that do not run, as a service manager does."""
        self.processes.collect_dead()
        for name in NODES:
            if not self.processes.alive(name):
                self.start(name)

    def prepare(self, manager: dict[str, object]) -> None:
        """Start what does not run with these parameters of the manager; wait until all works."""
        if manager != self._manager:
            self.processes.end(MANAGER)
            self._manager = manager
        self.camera.reset()
        self.start_missing()
        self.processes.died.clear()
        started_s = time.monotonic()
        self.time_until(lambda: self.works(started_s) or not self.all_run, START_S)
        if not self.works(started_s):
            self.processes.collect_dead()
            why = [self.not_working(started_s), *self.processes.died]
            raise RuntimeError(f'the robot does not work before the fault: {"; ".join(why)}')

    @property
    def all_run(self) -> bool:
        return all(self.processes.alive(name) for name in NODES)

    def works(self, since_s: float) -> bool:
        """Return whether all nodes did their work since then."""
        return not self.not_working(since_s)

    def not_working(self, since_s: float) -> str:
        """Return what does not work; empty: everything does."""
        heard, reports = self.listener, self.listener.reports
        sent_s = self.camera.sent.get(reports[-1].header.frame_id, -1.0) if reports else -1.0
        manager = heard.since('manager_state', since_s)
        platform = heard.since('platform_state', since_s)
        for name in NODES:
            if not self.processes.alive(name):
                return f'{name} does not run'
        if sent_s < since_s:
            return 'no frame is served'
        if manager is None or not any(each.app == PERCEPTION for each in manager.apps):
            return 'the manager does not manage the application'
        if platform is None:
            return 'no platform state'
        if self._manager.get('objective', 'min_energy') == 'min_energy' and self.as_found:
            return 'no frequency is set'
        return ''

    @property
    def as_found(self) -> bool:
        """Whether all frequency settings are those from before the first start."""
        return self.kernel.snapshot() == self.original

    def fail_writes(self, **faults: float) -> None:
        """Let the kernel refuse (`errno`) or delay (`delay_s`) every write; neither: no more."""
        file = self.kernel.root / FAULTS
        partial = file.with_suffix('.partial')
        partial.write_text(json.dumps(faults))
        partial.replace(file)

    # Observation.

    def time_until(self, condition: Callable[[], object], patience_s: float) -> float:
        """Wait until a condition holds; return the time it took [s], NaN if it did not."""
        start_s = time.monotonic()
        while not condition():
            if time.monotonic() - start_s > patience_s:
                return math.nan
            time.sleep(0.05)
        return time.monotonic() - start_s

    def fault_now(self) -> None:
        """Begin the fault only now: it took some preparation."""
        self.fault_began_s = time.monotonic()

    def warned(self, *words: str) -> bool:
        """Return whether diagnostics named one of these words since the fault began."""
        return self.listener.warned(self.fault_began_s, *words)

    def run(self, fault: Fault, *, shut_down: bool = True) -> Outcome:
        """Inject a fault and observe; shut the platform node down, to compare its settings."""
        self.prepare(dict(fault.manager))
        self.settle()
        first_frame, first_report = len(self.camera.sent), len(self.listener.reports)
        lost_before = self.listener.images_lost
        memory = self.processes.memory()
        self.camera.reset()
        self.fault_began_s = time.monotonic()
        with contextlib.contextmanager(fault.inject)(self):
            seen_s = math.nan
            if fault.seen is not None:
                seen = fault.seen
                seen_s = self.time_until(lambda: seen(self), max(SEEN_S, 2 * fault.seen_s))
            remaining_s = self.fault_began_s + fault.lasts_s - time.monotonic()
            time.sleep(max(remaining_s, 0.0))
        cleared_s = time.monotonic()
        self.camera.reset()

        def recovered() -> bool:
            self.start_missing()
            return self.works(cleared_s)

        recovered_s = self.time_until(recovered, RECOVERY_S)
        outage_frames = len(self.camera.sent) - first_frame
        grown = [
            peak_bytes(pid) - before
            for name, (pid, before) in memory.items()
            if self.processes.alive(name) and self.processes.pid(name) == pid
        ]
        self.settle()
        frames = account(
            list(self.camera.sent)[first_frame:],
            self.listener.reports[first_report:],
            app=PERCEPTION,
            lost_by_dds=self.listener.images_lost - lost_before,
        )
        as_found = not shut_down or self.shut_down()
        if not as_found:
            self.repair()
        return Outcome(
            account=frames,
            seen_s=seen_s,
            recovered_s=recovered_s,
            as_found=as_found,
            outage_frames=outage_frames,
            memory_bytes=max(grown, default=0),
            died=tuple(self.processes.died),
        )

    def shut_down(self) -> bool:
        """Shut the platform node down; return whether all frequency settings are as found."""
        exit_code = self.processes.end(PLATFORM)
        if exit_code != 0:
            self.processes.died.append(f'{PLATFORM} ended with {exit_code} when shut down')
        return self.as_found

    def repair(self) -> None:
        """Set what a fault left changed, by hand, so that the next row starts as this one did."""
        self.state_file.unlink(missing_ok=True)
        for name, value in self.original.items():
            self.kernel.put(name, value)

    def settle(self) -> None:
        """Stop the camera, and wait until all its frames are accounted for.

        A report has the frames dropped and refused before it, so the last frame must be served; the
        diagnostics then tell what DDS lost.
        """
        self.camera.paused = True
        time.sleep(0.3)

        def served() -> bool:
            last = self.camera.send(picture())
            time.sleep(0.3)
            return any(each.header.frame_id == last for each in self.listener.reports[-3:])

        self.time_until(served, RECOVERY_S)
        settled_s = time.monotonic()
        self.time_until(lambda: self.listener.counted_s > settled_s, 5.0)

    def close(self) -> None:
        for name in (MANAGER, PERCEPTION, PLATFORM):
            self.processes.end(name)
        self.processes.close()
        self.camera.close()
        self.listener.close()
        if self.mounts:
            subprocess.run(['umount', str(self.state_folder)], check=False)

    def restart(self) -> None:
        """End all nodes, so that the next fault finds new ones."""
        self.camera.paused = True
        for name in NODES:
            self.processes.end(name)

    def stop(self, *names: str) -> None:
        """Suspend nodes."""
        self.processes.signal(signal.SIGSTOP, *names)

    def resume(self, *names: str) -> None:
        """Continue suspended nodes."""
        self.processes.signal(signal.SIGCONT, *names)
