# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The device layer on real Linux: discover the hardware, set frequencies, restore them.

Nothing here is specific to one board: all hardware is found through the files in which Linux
exposes its devices (`Documentation/admin-guide/sysfs-rules.rst` of the kernel).
"""

from dynofa_ros.platform.linux.auto import (
    CHOICES,
    OpenedDevice,
    find_machine,
    open_device,
    platform_mismatch,
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
    'OpenedDevice',
    'RestoreResult',
    'Sysfs',
    'find_machine',
    'open_device',
    'parse_whitelist',
    'platform_mismatch',
    'restore_frequencies',
]
