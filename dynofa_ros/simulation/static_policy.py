"""Baseline: one sub-network for each application, and a governor of Linux for the clocks."""

from __future__ import annotations

from collections.abc import Mapping

from dynofa_ros.simulation.application import SimulatedApplication
from dynofa_ros.simulation.governor import Governor
from dynofa_ros.simulation.policy import Policy, Setup
from dynofa_ros.simulation.static_choice import Choose


class StaticPolicy(Policy):
    """Never switches."""

    def __init__(
        self, setup: Setup, choose: Choose, *, governors: Mapping[str, Governor]
    ) -> None:
        """Choose for all applications. Raises PlatformError for a sub-network there is not."""
        self.governors = governors
        self._keys = {plan.name: choose(setup, plan) for plan in setup.scenario.applications}

    def joined(self, application: SimulatedApplication) -> None:
        """Run the one sub-network."""
        application.switch(self._keys[application.plan.name])
