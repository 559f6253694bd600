# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Baseline in the style of ALERT (Wan et al., USENIX ATC 2020): expectation-based, per application.

Each application estimates one slowdown (observed / profiled latency) with a Kalman filter whose
process noise adapts to the last innovations (section 3 there). After each frame it selects the
network and frequency of the highest expected accuracy, where a late result counts as zero; or those
of the least energy that meet deadline and accuracy in expectation. Not from ALERT: points on
several processors, and the filter's constants. ALERT does not cover applications that share a
frequency domain: here the last request wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from dynofa_ros.runtime import ManagerSettings, Objective, OperatingPoint
from dynofa_ros.simulation.application import SimulatedApplication, SimulatedFrame
from dynofa_ros.simulation.oracle.policy import objective_of
from dynofa_ros.simulation.policies.policy import Policy, Setup

# Assumed, for frame times that vary by some percent as they do here.
MEMORY = 0.3  # weight of the old process noise at each frame
FIRST_GAIN = 0.5
FIRST_VARIANCE = 0.01  # profiles are accurate to within 10 %
# Expected accuracies that differ by less count as equal; energy breaks the tie.
EQUAL_ACCURACY = 1e-3


@dataclass
class AlertFilter:
    """Kalman filter of the slowdown: its mean and variance."""

    noise: float  # variance of a single frame, and lower limit of the process noise
    mean: float = 1.0
    variance: float = FIRST_VARIANCE
    gain: float = FIRST_GAIN
    innovation: float = 0.0

    def __post_init__(self) -> None:
        self._process = self.noise

    def observe(self, ratio: float) -> None:
        """Update the filter with one ratio of observed to profiled latency."""
        moved = (self.gain * self.innovation) ** 2
        self._process = max(self.noise, MEMORY * self._process + (1.0 - MEMORY) * moved)
        prior = (1.0 - self.gain) * self.variance + self._process
        self.gain = prior / (prior + self.noise)
        self.innovation = ratio - self.mean
        self.mean += self.gain * self.innovation
        self.variance = prior


class AlertPolicy(Policy):
    """Each application selects its own sub-network and frequency after every frame."""

    def __init__(self, setup: Setup) -> None:
        self._platform = setup.platform
        self._objective = objective_of(setup)
        self._probability = ManagerSettings.deadline_probability
        self._points = {name: list(each.points) for name, each in setup.profiles.items()}
        self._profiled_s = {
            (name, point.key, point.frequency_hz): point.latency_s
            for name, points in self._points.items()
            for point in points
        }
        noise = max(setup.scenario.latency_jitter, 0.01) ** 2
        self._filters = {name: AlertFilter(noise) for name in setup.profiles}
        self._normal = NormalDist()

    def joined(self, application: SimulatedApplication) -> None:
        """Select for the first frame."""
        self._select(application)

    def target_changed(self, application: SimulatedApplication) -> None:
        """Select for the new targets."""
        self._select(application)

    def finished(self, frame: SimulatedFrame) -> None:
        """Update the slowdown, and select for the next frame."""
        domain = self._platform.processor(frame.option.processor).domain
        frequency_hz = self.system.machine.frequency_hz(domain)
        expected_s = self._profiled_s[frame.app, frame.option.key, frequency_hz]
        self._filters[frame.app].observe(frame.inference_s / expected_s)
        self._select(self.system.applications[frame.app])

    def _select(self, application: SimulatedApplication) -> None:
        name, target = application.plan.name, application.target
        budget_s = target.deadline_s - application.plan.overhead_s
        points = self._points[name]
        in_time = self._in_time(points, budget_s, self._filters[name])
        accuracy = in_time * np.array([each.accuracy for each in points])
        energy_j = np.array([each.energy_j for each in points])
        allowed = (in_time >= self._probability) & (accuracy >= target.min_accuracy)
        if self._objective is not Objective.MIN_ENERGY or not allowed.any():
            allowed = accuracy >= accuracy.max() - EQUAL_ACCURACY
        best = points[int(np.argmin(np.where(allowed, energy_j, np.inf)))]
        application.switch(best.key)
        domain = self._platform.processor(best.processor).domain
        self.system.machine.set_frequency(domain, best.frequency_hz)

    def _in_time(
        self, points: list[OperatingPoint], budget_s: float, slowdown: AlertFilter
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return each point's probability to finish in time, with normally distributed latency."""
        std = (slowdown.variance + slowdown.noise) ** 0.5
        return np.array(
            [self._normal.cdf((budget_s / each.latency_s - slowdown.mean) / std) for each in points]
        )
