"""Baseline in the style of ALERT (Wan et al., USENIX ATC 2020): by expectation, each for itself.

One slowdown per application, observed over profiled latency, in a Kalman filter whose process
noise follows the last innovations (section 3 there). After each frame the application takes the
network and the clock of the highest expected accuracy, where a late result is worth nothing; or of
the least energy, where deadline and accuracy are met in expectation. What is not ALERT's: points
with several processors, and the filter's constants. What ALERT has no answer to: applications that
share a clock ask for it in turn, and the last one has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from dynofa_ros.runtime import ManagerSettings, Objective, OperatingPoint
from dynofa_ros.simulation.application import SimulatedApplication, SimulatedFrame
from dynofa_ros.simulation.oracle.policy import objective_of
from dynofa_ros.simulation.policies.policy import Policy, Setup

# Assumed: that they suit frames which vary by some percent, as they do here.
MEMORY = 0.3  # share of the old process noise that is kept at each frame
FIRST_GAIN = 0.5
FIRST_VARIANCE = 0.01  # a profile is right within 10 %
# Expected accuracies this close are equal: energy decides.
EQUAL_ACCURACY = 1e-3


@dataclass
class AlertFilter:
    """The slowdown: its mean, and the variance that widens what is expected of the next frame."""

    noise: float  # least process noise, and that of a single frame: squared spread
    mean: float = 1.0
    variance: float = FIRST_VARIANCE
    gain: float = FIRST_GAIN
    innovation: float = 0.0

    def __post_init__(self) -> None:
        self._process = self.noise

    def observe(self, ratio: float) -> None:
        """Take in one observed / profiled latency."""
        moved = (self.gain * self.innovation) ** 2
        self._process = max(self.noise, MEMORY * self._process + (1.0 - MEMORY) * moved)
        prior = (1.0 - self.gain) * self.variance + self._process
        self.gain = prior / (prior + self.noise)
        self.innovation = ratio - self.mean
        self.mean += self.gain * self.innovation
        self.variance = prior


class AlertPolicy(Policy):
    """Each application chooses sub-network and clock for itself, after every frame."""

    def __init__(self, setup: Setup) -> None:
        self._platform = setup.platform
        self._objective = objective_of(setup)
        self._probability = ManagerSettings.deadline_probability
        self._points = {name: list(each.points) for name, each in setup.profiles.items()}
        noise = max(setup.scenario.latency_jitter, 0.01) ** 2
        self._filters = {name: AlertFilter(noise) for name in setup.profiles}
        self._normal = NormalDist()

    def joined(self, application: SimulatedApplication) -> None:
        """Choose for the first time."""
        self._choose(application)

    def retargeted(self, application: SimulatedApplication) -> None:
        """Choose for the new targets."""
        self._choose(application)

    def finished(self, frame: SimulatedFrame) -> None:
        """Learn from a frame, and choose for the next one."""
        application = self.system.applications[frame.app]
        domain = self._platform.processor(frame.way.processor).domain
        expected_s = frame.way.latency_s[self.system.machine.frequency_hz(domain)]
        self._filters[frame.app].observe(frame.inference_s / expected_s)
        self._choose(application)

    def _choose(self, application: SimulatedApplication) -> None:
        name, target = application.plan.name, application.target
        left_s = target.deadline_s - application.plan.overhead_s
        points = self._points[name]
        in_time = self._in_time(points, left_s, self._filters[name])
        accuracy = in_time * np.array([each.accuracy for each in points])
        energy_j = np.array([each.energy_j for each in points])
        meets = (in_time >= self._probability) & (accuracy >= target.min_accuracy)
        if self._objective is Objective.MIN_ENERGY and meets.any():
            best = int(np.argmin(np.where(meets, energy_j, np.inf)))
        else:
            near = accuracy >= accuracy.max() - EQUAL_ACCURACY
            best = int(np.argmin(np.where(near, energy_j, np.inf)))
        application.switch(points[best].key)
        domain = self._platform.processor(points[best].processor).domain
        self.system.machine.set_clock(domain, points[best].frequency_hz)

    def _in_time(
        self, points: list[OperatingPoint], left_s: float, slowdown: AlertFilter
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return each point's probability to be done in time, normally distributed."""
        std = (slowdown.variance + slowdown.noise) ** 0.5
        return np.array(
            [self._normal.cdf((left_s / each.latency_s - slowdown.mean) / std) for each in points]
        )
