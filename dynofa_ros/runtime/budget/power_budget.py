"""How much the applications may draw: the least cap of the board, less what it draws itself.

A cap is set by parameter, by the temperatures, or by a mission that the battery has to last. All
are of the board, mean over time; `decide` is given what they leave to the applications.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from dynofa_ros.runtime.actuation.clocks import CHANGE_S
from dynofa_ros.runtime.budget.cap import Cap, Mission, SteadyCap
from dynofa_ros.runtime.budget.thermal import ThermalCap
from dynofa_ros.runtime.decision.state import Decision
from dynofa_ros.runtime.estimation.base_power import BaseLoad, BaseLoadEstimator
from dynofa_ros.runtime.observation import CPU_PACKAGES, PlatformObservation
from dynofa_ros.runtime.settings import ManagerSettings

# Power is looked at in means of this long: a camera of 10 Hz leaves the processor between frames.
WINDOW_S = 1.0


@dataclass(frozen=True)
class PowerBudget:
    """The cap of the board, and what it leaves to the applications."""

    board: Cap
    rest: BaseLoad | None  # what the board draws beside the applications; None: never known
    applications_w: float  # all together, above idle; infinite: no cap
    mission_left_s: float  # NaN: no mission
    asked_for: bool  # a parameter or a mission asks for a cap, not heat alone

    def warnings(self, decision: Decision) -> list[str]:
        """Say where a decision does not keep to it."""
        result = []
        if not decision.power_cap_met:
            result.append(
                f'power cap not met: {self.board} leaves {self.applications_w:.4g} W, '
                f'needed are {decision.power_w:.4g} W'
            )
        if decision.unmetered and (self.asked_for or not self.applications_w):
            unmetered = ', '.join(decision.unmetered)
            result.append(f'energy of {unmetered} unknown: left out of the power cap')
        return result


class PowerControl:
    """Knows the board's power and temperatures, and what limits them."""

    def __init__(self, settings: ManagerSettings, *, now_s: float) -> None:
        self._settings = settings
        self._rest = BaseLoadEstimator()
        self._thermal = ThermalCap()
        self._mission = Mission()
        self._mission.begin(settings.mission_s, begun_s=now_s)
        self._steady = SteadyCap()
        # Power that the applications were expected to draw, and since when.
        self._expected: deque[tuple[float, float]] = deque([(-math.inf, 0.0)])
        self._heard_s = -math.inf  # when power was known last
        self._seen_s = -math.inf
        self._source = ''
        self._begun_s = self._looked_s = now_s
        self._energy_j = 0.0  # drawn since the window began

    def configure(self, settings: ManagerSettings, *, now_s: float) -> None:
        """Take new settings; another `mission_s` begins now."""
        if settings.mission_s != self._settings.mission_s:
            self._mission.begin(settings.mission_s, begun_s=now_s)
        self._settings = settings
        self._steady.reset()

    def request_mission(self, duration_s: float, *, begun_s: float) -> None:
        """Begin a mission, or cancel it with 0. Raises ValueError for what is not a duration."""
        self._mission.begin(duration_s, begun_s=begun_s)
        self._steady.reset()

    def decided(self, expected_w: float, *, now_s: float) -> None:
        """Remember what the applications are expected to draw from now on."""
        if expected_w != self._expected[-1][1]:
            self._expected.append((now_s, expected_w))

    def observe(self, seen: PlatformObservation, *, now_s: float) -> None:
        """Take in power and temperatures; a reading is of the time since the one before."""
        since_s, self._seen_s = now_s - self._seen_s, now_s
        self._source = seen.power_source
        if since_s >= self._settings.report_timeout_s:
            self._begun_s, self._energy_j = now_s, 0.0
            return
        self._energy_j += seen.known_power_w * since_s
        window_s = now_s - self._begun_s
        if window_s < WINDOW_S:
            return
        power_w = self._energy_j / window_s
        self._begun_s, self._energy_j = now_s, 0.0
        if math.isnan(power_w):
            power_w = self._assumed_w()
        else:
            self._heard_s = now_s
            self._rest.observe(power_w, expected_w=self._expected_lately(window_s, now_s=now_s))
        self._thermal.observe(seen.temperatures, power_w=power_w, dt_s=now_s - self._looked_s)
        self._looked_s = now_s

    def _expected_lately(self, window_s: float, *, now_s: float) -> list[float]:
        """Return the expectations that the window may show: a command takes its time."""
        while len(self._expected) > 1 and self._expected[1][0] <= now_s - window_s - CHANGE_S:
            self._expected.popleft()
        return [expected_w for _, expected_w in self._expected]

    def _assumed_w(self) -> float:
        """Return the board's power where it is not read: as it was, and as it is expected."""
        rest = self._rest.estimate()
        return self._expected[-1][1] + (rest.mean_w if rest else 0.0)

    def budget(self, energy_j: float, *, now_s: float) -> PowerBudget:
        """Return what may be drawn; `energy_j` is the battery's, to be used (NaN: unknown)."""
        settings = self._settings
        board = min(
            Cap(settings.power_cap_w, 'set by parameter') if settings.power_cap_w else Cap(),
            self._thermal.cap(margin_k=settings.thermal_margin_k),
            self._mission.cap(energy_j, now_s=now_s),
            key=lambda each: each.power_w,
        )
        rest = self._rest.estimate()
        rest_w = rest.at_most_w(settings.deadline_probability) if rest else 0.0
        left_w = self._steady.follow(max(0.0, board.power_w - rest_w), now_s=now_s)
        return PowerBudget(
            board,
            rest,
            left_w,
            mission_left_s=self._mission.left_s(now_s=now_s),
            asked_for=self._asked_for(now_s=now_s),
        )

    def _asked_for(self, *, now_s: float) -> bool:
        """Whether somebody asks for a cap; heat sets one unasked."""
        return self._settings.power_cap_w > 0.0 or self._mission.left_s(now_s=now_s) > 0.0

    def warnings(self, energy_j: float, *, now_s: float) -> list[str]:
        """Say what is missing of what the caps need, and what is done without it."""
        result = self._thermal.warnings()
        if self._mission.left_s(now_s=now_s) > 0.0 and math.isnan(energy_j):
            known = math.isfinite(self._mission.cap(energy_j, now_s=now_s).power_w)
            kept = 'is as it was last' if known else 'is none yet'
            result.append(f'battery energy unknown or stale: the power cap of the mission {kept}')
        silent = now_s - self._heard_s >= self._settings.report_timeout_s
        if silent and self._asked_for(now_s=now_s):
            known = self._rest.estimate() is not None
            kept = 'the rest is as it was last' if known else 'all the cap goes to applications'
            result.append(f'board power unknown: {kept}')
        elif self._source == CPU_PACKAGES and self._asked_for(now_s=now_s):
            result.append(
                'power is known of the CPU packages only: what else the board draws is left out of '
                'the power cap'
            )
        return result
