"""Start the nodes as processes of their own, and stop them in good order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

PATIENCE_S = (5.0, 3.0, 3.0)
"""How long a process may take after SIGINT, SIGTERM and SIGKILL."""


class ProcessDied(RuntimeError):
    """A process ended that should have gone on."""


def executable(name: str) -> Path:
    """Return the path of one of this package's executables.

    Raises:
        FileNotFoundError: listing where it was looked for.
    """
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    candidates = [Path(prefix) / 'lib' / 'dynofa_ros' / name for prefix in prefixes]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    searched = ''.join(f'\n  {candidate}' for candidate in candidates)
    raise FileNotFoundError(f'{name} is not installed (run scripts/build); looked for:{searched}')


class Processes:
    """Child processes, each with a log file; leaving the context stops all of them."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, arguments: Sequence[str | Path]) -> None:
        """Start a process whose output goes to ``<name>.log``."""
        with (self._logs / f'{name}.log').open('wb') as log:
            self._children[name] = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C in the terminal goes to the demo alone, which then stops them in order.
                start_new_session=True,
            )

    def check(self) -> None:
        """Make sure that all still run.

        Raises:
            ProcessDied: naming the process, its exit code, its log and the log's last lines.
        """
        for name, child in self._children.items():
            code = child.poll()
            if code is not None:
                log = self._logs / f'{name}.log'
                tail = '\n  '.join(log.read_text(errors='replace').splitlines()[-5:])
                raise ProcessDied(f'{name} ended with exit code {code}; {log} says:\n  {tail}')

    def stop(self) -> None:
        """End all of them: SIGINT, then SIGTERM, then SIGKILL, last started first."""
        for number, patience_s in zip(
            (signal.SIGINT, signal.SIGTERM, signal.SIGKILL), PATIENCE_S, strict=True
        ):
            running = [c for c in reversed(self._children.values()) if c.poll() is None]
            for child in running:
                child.send_signal(number)
            until_s = time.monotonic() + patience_s
            for child in running:
                try:
                    child.wait(max(until_s - time.monotonic(), 0.01))
                except subprocess.TimeoutExpired:
                    continue
        self._children.clear()

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
