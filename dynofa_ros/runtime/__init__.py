# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Resource manager: operating points, estimators and the decision, without ROS and torch."""

from dynofa_ros.runtime.budget.battery import BatteryObjective, BatteryObservation
from dynofa_ros.runtime.decision.decide import decide
from dynofa_ros.runtime.decision.state import (
    ApplicationState,
    Choice,
    Decision,
    DecisionPolicy,
    DecisionState,
    Domain,
)
from dynofa_ros.runtime.estimation.slowdown import Slowdown
from dynofa_ros.runtime.manager import ResourceManager
from dynofa_ros.runtime.observation import (
    DomainObservation,
    FrameObservation,
    PlatformObservation,
    SubnetObservation,
    TemperatureObservation,
)
from dynofa_ros.runtime.operating_points.cascade import Cascade, CascadePoint
from dynofa_ros.runtime.operating_points.point import OperatingPoint
from dynofa_ros.runtime.operating_points.profile import Profile, prune
from dynofa_ros.runtime.settings import ManagerSettings, Objective
from dynofa_ros.runtime.targets import Target, TargetRequest

__all__ = [
    'ApplicationState',
    'BatteryObjective',
    'BatteryObservation',
    'Cascade',
    'CascadePoint',
    'Choice',
    'Decision',
    'DecisionPolicy',
    'DecisionState',
    'Domain',
    'DomainObservation',
    'FrameObservation',
    'ManagerSettings',
    'Objective',
    'OperatingPoint',
    'PlatformObservation',
    'Profile',
    'ResourceManager',
    'Slowdown',
    'SubnetObservation',
    'Target',
    'TargetRequest',
    'TemperatureObservation',
    'decide',
    'prune',
]
