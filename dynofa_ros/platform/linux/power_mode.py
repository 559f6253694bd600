"""The power mode of a Jetson: nvpmodel caps clocks and switches cores off.

Its file of modes is `/etc/nvpmodel.conf`, the mode now `/var/lib/nvpmodel/status` (NVIDIA Jetson
Linux Developer Guide, Power Management).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dynofa_ros.platform.linux.sysfs import Sysfs

STATUS = '/var/lib/nvpmodel/status'
MODES = '/etc/nvpmodel.conf'


@dataclass(frozen=True)
class PowerMode:
    """A mode by its number and its name."""

    number: int
    name: str  # empty: the file of modes does not say


def find_power_mode(sysfs: Sysfs) -> PowerMode | None:
    """Return the mode now, None where there is no nvpmodel or its status cannot be read."""
    status = re.search(r'pmode:(\d+)', sysfs.text(STATUS))
    if not status:
        return None
    number = int(status[1])
    names = dict(re.findall(r'<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>', sysfs.text(MODES)))
    return PowerMode(number, names.get(str(number), ''))
