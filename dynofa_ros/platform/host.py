"""Which machine this is, by which figures that were measured on another one are recognised."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from dynofa_ros.platform.checks import check_name

PROC = Path('/proc')
UNKNOWN = 'unknown'


@dataclass(frozen=True)
class Host:
    """A machine: its name in the network, its architecture and its CPU, in words."""

    name: str
    architecture: str
    cpu: str

    def __post_init__(self) -> None:
        """Raise PlatformError for a text that is empty."""
        for field in ('name', 'architecture', 'cpu'):
            check_name(field, getattr(self, field))

    def __str__(self) -> str:
        return f'{self.name} {self.architecture} ({self.cpu})'

    @classmethod
    def here(cls) -> Host:
        """Return this machine."""
        return cls(platform.node() or UNKNOWN, platform.machine() or UNKNOWN, cpu_model())


def cpu_model(proc: Path = PROC) -> str:
    """Return the model of the CPU as Linux names it, ``unknown`` where it does not.

    On x86-64 that is ``model name`` of cpuinfo; ARM has no such line, but a board's device tree
    names the board.
    """
    try:
        lines = (proc / 'cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        field, _, value = line.partition(':')
        if field.strip() == 'model name' and value.strip():
            return value.strip()
    try:
        return (proc / 'device-tree' / 'model').read_text().strip('\0\n ') or UNKNOWN
    except OSError:
        return UNKNOWN
