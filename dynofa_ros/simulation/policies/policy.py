# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The interface of a policy: it selects sub-networks, sets frequencies, or both."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from dynofa_ros.platform import Platform
from dynofa_ros.runtime import Profile
from dynofa_ros.simulation.application import (
    ExecutionOption,
    SimulatedApplication,
    SimulatedFrame,
    StageRun,
)
from dynofa_ros.simulation.camera import Image
from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.governors.linux import Governor
from dynofa_ros.simulation.machine import SimulatedMachine, Trace
from dynofa_ros.simulation.scenario import Scenario


@dataclass(frozen=True)
class Setup:
    """All inputs of a simulation. Only an oracle may use the scenario's future."""

    platform: Platform
    scenario: Scenario
    profiles: Mapping[str, Profile]  # by application: what policies know
    truth: Mapping[str, Profile]  # what frames take; only an oracle may use it
    seed: int = 0  # of the images, their latency jitter and the profile errors


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
    takes_turns = False  # on processors where two frames at once take as long as one by one

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
        """Handle the report of a completed frame, unless an outage loses it."""

    def longest_wait_s(self, application: SimulatedApplication, image: Image) -> float:
        """Return how long a frame that is ready may wait for its turn [s]; by default for ever.

        Then it runs beside others.
        """
        return math.inf

    def choose_option(self, application: SimulatedApplication, image: Image) -> ExecutionOption:
        """Return the option that a frame runs which starts now: by default the selected one.

        It has to be one of `application.execution_options`, on the selected one's processor. The
        frame has until `image.arrived_s + application.deadline_s(image)`; the present time and
        frequencies are those of `system`. No later image may be used, nor `image.latency_factor`.
        """
        assert application.selected is not None
        return application.selected

    def first_stage(
        self, application: SimulatedApplication, image: Image, option: ExecutionOption
    ) -> int:
        """Return the stage of a cascade with which a frame begins, counted from 0.

        Only an oracle may use `image.picture`.
        """
        return 0

    def fits(self, application: SimulatedApplication, image: Image, stage: ExecutionOption) -> bool:
        """Whether the next stage of a cascade can start now and be in time: by default always."""
        return True

    def stage_done(self, application: SimulatedApplication, run: StageRun) -> None:
        """Handle an inference that is done, before it is decided what follows."""
