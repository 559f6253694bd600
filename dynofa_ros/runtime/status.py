# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Output of the resource manager: commands to send, and a status to publish."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.runtime.actuation.clocks import ClockCommand
from dynofa_ros.runtime.actuation.subnets import SwitchCommand
from dynofa_ros.runtime.budget.power_budget import PowerBudget
from dynofa_ros.runtime.decision.state import Choice
from dynofa_ros.runtime.settings import Objective


@dataclass(frozen=True)
class AppStatus:
    """The choice for one application, and whether the application runs it."""

    choice: Choice
    acknowledged: bool
    # Share of the frames that reach the second stage of the chosen cascade; NaN: of a sub-network.
    escalation_rate: float = math.nan  # of the last frames; NaN also if they are too few
    measured_escalation_rate: float = math.nan  # of the images on which it was measured
    doubt: str = ''  # why the accuracy of the chosen point does not hold; empty: it does
    attention: str = ''  # what raised the floor or the priority for now; empty: nothing


@dataclass(frozen=True)
class ManagerStatus:
    """The last decision and its inputs; mirrors msg/ManagerState."""

    objective: Objective
    objective_reason: str
    battery_percentage: float  # NaN: unknown or stale
    battery_energy_j: float  # left; NaN: unknown or stale
    budget: PowerBudget
    predicted_power_w: float  # of all active applications together, above idle
    apps: tuple[AppStatus, ...]
    dvfs_acknowledged: bool
    warnings: tuple[str, ...]
    exact: bool  # see Decision
    loss_bound: float
    decision_s: float
    decisions: int


@dataclass(frozen=True)
class ManagerOutput:
    """Result of one step."""

    switches: tuple[SwitchCommand, ...]
    clocks: ClockCommand | None
    status: ManagerStatus
