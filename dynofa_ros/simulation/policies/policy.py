# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The interface of a policy: it selects sub-networks, sets frequencies, or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dynofa_ros.platform import Platform
from dynofa_ros.runtime import Profile
from dynofa_ros.simulation.application import SimulatedApplication, SimulatedFrame
from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.governors.linux import Governor
from dynofa_ros.simulation.machine import SimulatedMachine, Trace
from dynofa_ros.simulation.scenario import Scenario


@dataclass(frozen=True)
class Setup:
    """All inputs of a simulation. Only an oracle may use the scenario's future."""

    platform: Platform
    scenario: Scenario
    profiles: Mapping[str, Profile]  # by application
    seed: int = 0  # of the images and their latency jitter


@dataclass(frozen=True)
class System:
    """The running system that a policy observes and controls."""

    queue: EventQueue
    machine: SimulatedMachine
    applications: dict[str, SimulatedApplication] = field(default_factory=dict)  # those present
    trace: Trace | None = None


class Policy:
    """Base class that ignores every event; a policy overrides the ones it needs.

    When an application joins, its policy must select an execution option for it.
    """

    governors: Mapping[str, Governor] = {}  # by domain; the policy controls the other domains

    def start(self, system: System) -> None:
        """Handle the start of the simulation, before any other event."""
        self.system = system

    def joined(self, application: SimulatedApplication) -> None:
        """Handle an application that joins."""

    def left(self, application: SimulatedApplication) -> None:
        """Handle an application that leaves."""

    def target_changed(self, application: SimulatedApplication) -> None:
        """Handle a change of an application's targets."""

    def finished(self, frame: SimulatedFrame) -> None:
        """Handle a completed frame."""
