# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Power budget of the applications: the lowest cap on the board minus the base load.

A cap is set by parameter, by the temperatures, or by a mission that the battery has to last. All
limit the mean power of the board; `decide` gets the rest.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from dynofa_ros.runtime.budget.cap import Cap, CapFilter, Mission
from dynofa_ros.runtime.budget.thermal import ThermalCap
from dynofa_ros.runtime.decision.state import Decision
from dynofa_ros.runtime.estimation.base_power import BaseLoad, BaseLoadEstimator
from dynofa_ros.runtime.observation import CPU_PACKAGES, PlatformObservation
from dynofa_ros.runtime.ranges import POWER_W
from dynofa_ros.runtime.settings import ManagerSettings

# Power is averaged over this time: at 10 Hz the processor is idle between frames.
WINDOW_S = 1.0
# A decision is not made again for a smaller change of a thermal cap, which is an estimate.
THERMAL_STEP = 1.01
# After a decision the board may still draw the power before it for this long: a Jetson Xavier NX
# takes 0.8 s to change a frequency.
CHANGE_S = 2.0


@dataclass(frozen=True)
class PowerBudget:
    """The cap on the board, and the part left for the applications."""

    board: Cap
    base_load: BaseLoad | None  # None: never measured
    applications_w: float  # all together, above idle; infinite: no cap
    mission_left_s: float  # NaN: no mission
    requested: bool  # by a parameter or a mission; False: temperatures alone set a cap
    name: str = Cap.name  # what limits the applications: `board`, or what did some seconds ago

    @property
    def decision_w(self) -> float:
        """The part to decide with: rounded down where only temperatures set the cap."""
        exact = self.requested or not 0.0 < self.applications_w < math.inf
        if exact:
            return self.applications_w
        return float(THERMAL_STEP ** math.floor(math.log(self.applications_w, THERMAL_STEP)))

    def warnings(self, decision: Decision) -> list[str]:
        """Return warnings if a decision exceeds the budget or cannot be checked against it."""
        result = []
        if not decision.power_cap_met:
            result.append(
                f'{self.name} is not met: it leaves {self.applications_w:.4g} W, '
                f'the applications need {decision.power_w:.4g} W'
            )
        if decision.unmetered and (self.requested or not self.applications_w):
            unmetered = ', '.join(decision.unmetered)
            result.append(f'energy of {unmetered} unknown: not counted against {self.name}')
        return result


class PowerControl:
    """Tracks power and temperatures of the board, and computes the budget."""

    def __init__(self, settings: ManagerSettings, *, now_s: float) -> None:
        self._settings = settings
        self._base_load = BaseLoadEstimator()
        self._thermal = ThermalCap()
        self._mission = Mission()
        self._mission.begin(settings.mission_s, begun_s=now_s)
        self._filter = CapFilter()
        # Expected powers of the applications, each with the time from which it applies.
        self._expected: deque[tuple[float, float]] = deque([(-math.inf, 0.0)])
        self._power_known_s = -math.inf
        self._observed_s = -math.inf
        self._source = ''
        self._window_s = self._thermal_s = now_s  # begin of the window, last thermal update
        self._energy_j = 0.0  # since the window began

    def configure(self, settings: ManagerSettings, *, now_s: float) -> None:
        """Apply new settings; a changed `mission_s` begins a mission now."""
        if settings.mission_s != self._settings.mission_s:
            self._mission.begin(settings.mission_s, begun_s=now_s)
        self._settings = settings
        self._filter.reset()

    def request_mission(self, duration_s: float, *, begun_s: float) -> None:
        """Begin a mission; 0 cancels. Raises ValueError for an impossible duration."""
        self._mission.begin(duration_s, begun_s=begun_s)
        self._filter.reset()

    def expect(self, power_w: float, *, now_s: float) -> None:
        """Store the expected power of the applications from now on.

        A wrong profile can promise more than any board draws.
        """
        power_w = min(power_w, POWER_W.high)
        if power_w != self._expected[-1][1]:
            self._expected.append((now_s, power_w))

    def observe(self, observation: PlatformObservation, *, now_s: float) -> None:
        """Update with power and temperatures; power is the mean since the last observation."""
        since_s, self._observed_s = now_s - self._observed_s, now_s
        self._source = observation.power_source
        if since_s >= self._settings.report_timeout_s:
            self._window_s, self._energy_j = now_s, 0.0
            return
        self._energy_j += observation.known_power_w * since_s
        window_s = now_s - self._window_s
        if window_s < WINDOW_S:
            return
        power_w = self._energy_j / window_s
        self._window_s, self._energy_j = now_s, 0.0
        if math.isnan(power_w):
            base = self._base_load.estimate()
            power_w = self._expected[-1][1] + (base.mean_w if base else 0.0)
        else:
            self._power_known_s = now_s
            expected_w = self._expected_since(now_s - window_s - CHANGE_S)
            self._base_load.observe(power_w, expected_w=expected_w)
        self._thermal.observe(
            observation.temperatures, power_w=power_w, dt_s=now_s - self._thermal_s
        )
        self._thermal_s = now_s

    def _expected_since(self, begin_s: float) -> list[float]:
        """Return the expectations that applied at or after a time, and drop earlier ones."""
        while len(self._expected) > 1 and self._expected[1][0] <= begin_s:
            self._expected.popleft()
        return [expected_w for _, expected_w in self._expected]

    def budget(self, energy_j: float, *, now_s: float) -> PowerBudget:
        """Return the budget; `energy_j` is the usable energy of the battery (NaN: unknown)."""
        settings = self._settings
        board = min(
            self._parameter_cap(),
            self._thermal.cap(margin_k=settings.thermal_margin_k),
            self._mission.cap(energy_j, now_s=now_s),
            key=lambda each: each.power_w,
        )
        base = self._base_load.estimate()
        base_w = base.quantile_w(settings.deadline_probability) if base else 0.0
        left_w = max(0.0, board.power_w - base_w)
        return PowerBudget(
            board,
            base,
            applications_w=self._filter.update(left_w, now_s=now_s, name=board.name),
            mission_left_s=self._mission.left_s(now_s=now_s),
            requested=self._requested(now_s=now_s),
            name=self._filter.name,
        )

    def _parameter_cap(self) -> Cap:
        cap_w = self._settings.power_cap_w
        return Cap(cap_w, 'set by parameter', f'power_cap_w = {cap_w:.4g} W') if cap_w else Cap()

    def _requested(self, *, now_s: float) -> bool:
        """Whether a parameter or a mission sets a cap."""
        return self._settings.power_cap_w > 0.0 or self._mission.left_s(now_s=now_s) > 0.0

    def warnings(self, energy_j: float, *, now_s: float) -> list[str]:
        """Return a warning for each missing input of the caps, with the fallback."""
        result = self._thermal.warnings()
        if self._mission.left_s(now_s=now_s) > 0.0 and math.isnan(energy_j):
            known = math.isfinite(self._mission.cap(energy_j, now_s=now_s).power_w)
            fallback = 'the last power cap of the mission holds' if known else 'no power cap yet'
            result.append(f'battery energy unknown or stale: {fallback}')
        silent = now_s - self._power_known_s >= self._settings.report_timeout_s
        if silent and self._requested(now_s=now_s):
            known = self._base_load.estimate() is not None
            fallback = 'the last base load holds' if known else 'base load taken as 0 W'
            result.append(f'board power unknown: {fallback}')
        elif self._source == CPU_PACKAGES and self._requested(now_s=now_s):
            result.append(
                'power measured for the CPU packages only: the power cap ignores the rest of the '
                'board'
            )
        return result
