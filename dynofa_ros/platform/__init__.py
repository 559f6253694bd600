# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The device layer: platform descriptions, and a simulated device built from one."""

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.description import Platform, load_platform
from dynofa_ros.platform.device import CommandResult, Device, DeviceState, DomainSetting
from dynofa_ros.platform.processor import FrequencyDomain, Processor
from dynofa_ros.platform.simulated.device import SimulatedDevice
from dynofa_ros.platform.simulated.occupancy import Occupancy

__all__ = [
    'CommandResult',
    'Device',
    'DeviceState',
    'DomainSetting',
    'FrequencyDomain',
    'Occupancy',
    'Platform',
    'PlatformError',
    'Processor',
    'SimulatedDevice',
    'load_platform',
]
