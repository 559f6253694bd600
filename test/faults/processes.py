# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The nodes as processes, restarted by the fault matrix as systemd would restart them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

PERCEPTION, MANAGER, PLATFORM = 'perception', 'resource_manager', 'platform'
NODES = (PERCEPTION, MANAGER, PLATFORM)
NAMESPACE = '/faults'
EXIT_PATIENCE_S = 20.0


class Processes:
    """Starts nodes by name, each with a log file, and knows which of them died."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.died: list[str] = []
        """Nodes that ended without being told to, with exit code and last line of the log."""

    def start(self, node: str, *, label: str, name: str, **parameters: object) -> None:
        """Start a node called `name`, in a process called `label`."""
        run = ['-m', f'dynofa_ros.nodes.{node}.node']
        if node == PLATFORM:
            run = [str(Path(__file__).with_name('faulty_platform.py'))]
        ros = ['--ros-args', '-r', f'__ns:={NAMESPACE}', '-r', f'__node:={name}']
        for key, value in parameters.items():
            ros += ['-p', f'{key}:={value}']
        self.run(label, *run, *ros)

    def run(self, name: str, *arguments: str) -> None:
        """Start Python with these arguments; not in the checkout, which has no messages."""
        with self.log(name).open('ab') as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {'OMP_WAIT_POLICY': 'PASSIVE'},
            )

    def log(self, name: str) -> Path:
        return self._folder / f'{name}.log'

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def alive(self, name: str) -> bool:
        return name in self._running and self._running[name].poll() is None

    def exit_code(self, name: str) -> int | None:
        """Return the exit code of a process that ended; None while it runs."""
        return self._running[name].poll()

    def signal(self, number: signal.Signals, *names: str) -> None:
        """Send a signal to nodes that run; after SIGKILL they are no longer expected to."""
        for name in names:
            if self.alive(name):
                self._running[name].send_signal(number)
        if number == signal.SIGKILL:
            for name in names:
                if name in self._running:
                    self._running.pop(name).wait()

    def end(self, name: str) -> int | None:
        """Shut a node down; return its exit code, or None if it had to be killed."""
        process = self._running.pop(name, None)
        if process is None:
            return None
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        try:
            return process.wait(EXIT_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def collect_dead(self) -> None:
        """Record the processes that ended by themselves."""
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                lines = self.log(name).read_text(errors='replace').strip().splitlines()
                last = lines[-1][:200] if lines else ''
                self.died.append(f'{name} ended with {process.returncode}: {last}')
                del self._running[name]

    def forget(self, name: str) -> None:
        """Do not record the end of a process."""
        self._running.pop(name, None)

    def memory(self) -> dict[str, tuple[int, int]]:
        """Return process id and peak resident memory [bytes] of each node."""
        return {
            name: (self.pid(name), peak_bytes(self.pid(name))) for name in NODES if self.alive(name)
        }

    def usage(self, name: str) -> dict[str, int]:
        """Return resident memory [bytes], threads and file descriptors of a node."""
        pid = self.pid(name)
        return {
            'resident bytes': 1024 * status(pid)['VmRSS'],
            'threads': status(pid)['Threads'],
            'descriptors': len(list(Path(f'/proc/{pid}/fd').iterdir())),
        }

    def close(self) -> None:
        for name in list(self._running):
            self.signal(signal.SIGKILL, name)


def peak_bytes(pid: int) -> int:
    """Return the peak resident memory of a process, 0 if it ended."""
    try:
        return 1024 * status(pid)['VmHWM']
    except (OSError, KeyError):
        return 0


def status(pid: int) -> dict[str, int]:
    """Return the numbers of /proc/PID/status; memory in KiB."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    words = [line.replace(':', ' ').split() for line in lines]
    return {each[0]: int(each[1]) for each in words if len(each) > 1 and each[1].isdigit()}
