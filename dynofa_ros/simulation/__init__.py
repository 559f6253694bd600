"""Discrete-event simulation of device, applications and governors."""

from dynofa_ros.simulation.result import ApplicationResult, Result
from dynofa_ros.simulation.scenario import Scenario, load_scenario
from dynofa_ros.simulation.simulator import simulate

__all__ = ['ApplicationResult', 'Result', 'Scenario', 'load_scenario', 'simulate']
