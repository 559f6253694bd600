# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Discrete-event simulation of a platform, its applications and the policies that manage them."""

from dynofa_ros.simulation.result import ApplicationResult, Result
from dynofa_ros.simulation.scenario import Scenario, load_scenario
from dynofa_ros.simulation.simulator import simulate

__all__ = ['ApplicationResult', 'Result', 'Scenario', 'load_scenario', 'simulate']
