"""What decides in a simulation: sub-networks, clocks, or both."""

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
    """What is known before anything happens. Only an oracle looks at the scenario's future."""

    platform: Platform
    scenario: Scenario
    profiles: Mapping[str, Profile]  # by application
    seed: int = 0  # of the images and each frame's luck


@dataclass(frozen=True)
class System:
    """What a policy can see and turn while the simulation runs."""

    queue: EventQueue
    machine: SimulatedMachine
    applications: dict[str, SimulatedApplication] = field(default_factory=dict)  # those present
    trace: Trace | None = None


class Policy:
    """Takes no notice of anything; a policy overrides what it cares for.

    When an application joins, its policy must tell it what to run.
    """

    governors: Mapping[str, Governor] = {}  # by domain; the other clocks are the policy's

    def start(self, system: System) -> None:
        """Take over the system, before anything happens."""
        self.system = system

    def joined(self, application: SimulatedApplication) -> None:
        """An application is there."""

    def left(self, application: SimulatedApplication) -> None:
        """An application is gone."""

    def retargeted(self, application: SimulatedApplication) -> None:
        """The targets of an application have changed."""

    def finished(self, frame: SimulatedFrame) -> None:
        """A frame is done."""
