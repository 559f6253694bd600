"""Operating points, estimator and policy: pure functions, without ROS and without torch."""

from dynofa_ros.runtime.battery_energy import BatteryObservation
from dynofa_ros.runtime.decision import decide
from dynofa_ros.runtime.decision_state import (
    ApplicationState,
    Choice,
    Decision,
    DecisionState,
    Domain,
    Policy,
)
from dynofa_ros.runtime.manager import ResourceManager
from dynofa_ros.runtime.objective import BatteryObjective, Objective
from dynofa_ros.runtime.observation import (
    DomainObservation,
    FrameObservation,
    PlatformObservation,
    SubnetObservation,
    TemperatureObservation,
)
from dynofa_ros.runtime.operating_point import OperatingPoint, Profile, prune
from dynofa_ros.runtime.settings import Settings
from dynofa_ros.runtime.slowdown import Slowdown, SlowdownFilter
from dynofa_ros.runtime.target import Target, TargetRequest

__all__ = [
    'ApplicationState',
    'BatteryObjective',
    'BatteryObservation',
    'Choice',
    'Decision',
    'DecisionState',
    'Domain',
    'DomainObservation',
    'FrameObservation',
    'Objective',
    'OperatingPoint',
    'PlatformObservation',
    'Policy',
    'Profile',
    'ResourceManager',
    'Settings',
    'Slowdown',
    'SlowdownFilter',
    'SubnetObservation',
    'Target',
    'TargetRequest',
    'TemperatureObservation',
    'decide',
    'prune',
]
