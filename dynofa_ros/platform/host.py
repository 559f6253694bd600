# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The identity of a machine, by which measurements of another machine are recognised."""

from __future__ import annotations

import platform
from pathlib import Path

from dynofa_ros.config_file import Text, checked
from dynofa_ros.platform.checks import PlatformError

PROC = Path('/proc')
UNKNOWN = 'unknown'


@checked(PlatformError.of)
class Host:
    """A machine: its host name, its architecture and its CPU model."""

    name: Text
    architecture: Text
    cpu: Text

    def __str__(self) -> str:
        return f'{self.name} {self.architecture} ({self.cpu})'

    @classmethod
    def here(cls) -> Host:
        """Return this machine."""
        return cls(platform.node() or UNKNOWN, platform.machine() or UNKNOWN, cpu_model())


def cpu_model(proc: Path = PROC) -> str:
    """Return the CPU model that Linux reports, or ``unknown``.

    On x86-64 that is ``model name`` of cpuinfo. On ARM, where cpuinfo lacks it, it is the model of
    the board from the device tree.
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
