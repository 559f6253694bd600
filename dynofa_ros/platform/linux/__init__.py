"""The device layer on real Linux: find what a machine has, turn its clocks, put them back.

Nothing here belongs to one board. What a machine has is found in the files in which Linux shows its
devices (`Documentation/admin-guide/sysfs-rules.rst` of its source).
"""

from dynofa_ros.platform.linux.auto import (
    CHOICES,
    Opened,
    find_machine,
    open_device,
    why_it_does_not_fit,
)
from dynofa_ros.platform.linux.device import LinuxDevice
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.restore import RestoreResult, restore_frequencies
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.linux.whitelist import Allowed, parse_whitelist

__all__ = [
    'CHOICES',
    'Allowed',
    'LinuxDevice',
    'LinuxMachine',
    'Opened',
    'RestoreResult',
    'Sysfs',
    'find_machine',
    'open_device',
    'parse_whitelist',
    'restore_frequencies',
    'why_it_does_not_fit',
]
