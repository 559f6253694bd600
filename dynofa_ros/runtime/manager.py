# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The resource manager without ROS: observations in, commands and status out.

The node and the simulator drive this class alike: each observation updates the estimates, and they
call `step()` whenever one makes a decision `due`, and at a low fixed rate, for what time alone
changes: timeouts, silence, a battery. Time comes from the given clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from dynofa_ros.runtime.actuation.clocks import ClockCommand, ClockControl
from dynofa_ros.runtime.applications import Applications
from dynofa_ros.runtime.budget.battery import BatteryMonitor
from dynofa_ros.runtime.budget.power_budget import PowerBudget, PowerControl
from dynofa_ros.runtime.decision.state import Choice, Decision, DecisionPolicy
from dynofa_ros.runtime.observation import (
    DomainObservation,
    FrameObservation,
    PlatformObservation,
    SubnetObservation,
)
from dynofa_ros.runtime.operating_points.profile import Profile
from dynofa_ros.runtime.settings import ManagerSettings, Objective
from dynofa_ros.runtime.status import AppStatus, ManagerOutput, ManagerStatus
from dynofa_ros.runtime.targets import TargetBook, TargetRequest


class ResourceManager:
    """Chooses sub-networks and frequencies of all applications from the observations so far."""

    def __init__(
        self,
        settings: ManagerSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_failure: Callable[[str, Exception], None] = lambda app, error: None,
    ) -> None:
        """`on_failure` gets each application that is left out of decisions, and the exception."""
        self._settings = settings or ManagerSettings()
        self._clock = clock
        self._targets = TargetBook(self._settings.target)
        self._apps = Applications(self._targets, on_failure=on_failure)
        self._apps.allow_cascades(self._settings.cascades)
        self._battery = BatteryMonitor(self._settings)
        self._clocks = ClockControl()
        self._power = PowerControl(self._settings, now_s=clock())
        self._objective: Objective | None = None
        self._idle: frozenset[str] = frozenset()
        self._release_reason = ''  # why no frequency is commanded; empty: they are
        self._domains: tuple[DomainObservation, ...] = ()  # as last observed
        self._contention: dict[str, float] = {}  # see DecisionState
        self._hysteresis = False  # see DecisionState
        self._decisions = 0
        self._due = False

    @property
    def settings(self) -> ManagerSettings:
        """The settings in force."""
        return self._settings

    @property
    def due(self) -> bool:
        """Whether an event calls for a decision before the next period."""
        return self._due or bool(self._apps.attentions.over(now_s=self._clock()))

    @property
    def apps(self) -> tuple[str, ...]:
        """Names of the applications that announced a profile."""
        return self._apps.names

    def configure(self, settings: ManagerSettings) -> None:
        """Change the settings at run time."""
        self._settings = settings
        self._targets.set_default(settings.target)
        self._apps.allow_cascades(settings.cascades)
        self._battery.configure(settings)
        self._power.configure(settings, now_s=self._clock())
        self._request_decision()

    def set_profile(self, profile: Profile) -> None:
        """Add an application, or replace its profile; beyond 64, the least active one leaves."""
        if self._apps.set_profile(profile, now_s=self._clock()):
            self._request_decision()

    def drop_silent(self, publishers: int) -> list[str]:
        """Forget applications silent for `forget_s` beyond the number of profiles' `publishers`.

        Returns their names.
        """
        timeout_s = self._settings.forget_s
        left = self._apps.drop_silent(publishers, timeout_s=timeout_s, now_s=self._clock())
        if left:
            self._request_decision()
        return left

    def remove(self, app: str) -> None:
        """Forget an application that has left; one that is not known is ignored."""
        if self._apps.remove(app):
            self._request_decision()

    def request_target(self, request: TargetRequest) -> None:
        """Change the targets of one or all applications, including those that join later."""
        self._targets.request(request)
        self._request_decision()

    def request_mission(self, duration_s: float, *, ago_s: float = 0.0) -> None:
        """Begin a mission `ago_s` ago, for which the battery has to last; 0 cancels.

        It holds until another request, or another `ManagerSettings.mission_s`. Raises ValueError
        for a negative or infinite duration.
        """
        self._power.request_mission(duration_s, begun_s=self._clock() - ago_s)
        self._request_decision()

    def observe_frame(self, frame: FrameObservation) -> None:
        """Update with a frame. Raises ValueError for an unknown application or sub-network."""
        now_s = self._clock()
        started_s = now_s - frame.overhead_s - frame.inference_s
        clocks_hz = self._clocks.clocks_of(frame.processor, started_s=started_s, now_s=now_s)
        changed = self._apps[frame.app].observe(
            frame,
            clocks_hz=clocks_hz,
            others_load=self._apps.load_beside(frame.app, frame.processor, idle=self._idle),
            now_s=now_s,
        )
        self._due = self._due or changed

    def observe_subnet(self, observation: SubnetObservation) -> None:
        """Update with an acknowledgement, and with what the application saw.

        Raises ValueError for an unknown application.
        """
        app, now_s = observation.app, self._clock()
        self._apps[app].observe_subnet(observation)
        if self._apps.attentions.observe(app, observation.attention, now_s=now_s):
            self._request_decision()

    def observe_platform(self, observation: PlatformObservation) -> None:
        """Update with frequencies, power, temperatures, and the acknowledgement of a command."""
        now_s = self._clock()
        self._power.observe(observation, now_s=now_s)
        change = self._clocks.observe(observation, now_s=now_s, settings=self._settings)
        if self._observe_contention(observation.domains) or change.domains:
            self._request_decision()
        # At a new frequency, other points are in time.
        self._due = self._due or change.frequencies

    def _observe_contention(self, domains: tuple[DomainObservation, ...]) -> bool:
        """Update the contention of all processors; True if any has changed."""
        if domains == self._domains:
            return False
        self._domains, before = domains, self._contention
        self._contention = {
            processor: value
            for each in domains
            for processor, value in zip(each.processors, each.contention, strict=False)
            if not math.isnan(value)
        }
        return self._contention != before

    def observe_battery(
        self, percentage: float, *, energy_j: float = math.nan, publisher: str = ''
    ) -> None:
        """Update with the charge, a fraction, and the energy left [J], if known.

        Raises ValueError outside 0..1, for an impossible energy, or for a `publisher` that has sent
        percent; NaN makes the charge unknown.
        """
        now_s = self._clock()
        self._battery.observe(percentage, energy_j=energy_j, now_s=now_s, publisher=publisher)
        if self._battery.objective(now_s=now_s)[0] is not self._objective:
            self._request_decision()

    def _request_decision(self) -> None:
        """Make a decision due, without hysteresis."""
        self._hysteresis, self._due = False, True

    def step(self) -> ManagerOutput:
        """Decide, and return commands and status."""
        now_s, started_s = self._clock(), time.perf_counter()
        self._review(now_s=now_s)
        objective, objective_reason = self._battery.objective(now_s=now_s)
        if objective is not self._objective:
            self._objective, self._hysteresis = objective, False
        budget = self._power.budget(self._battery.usable_j(now_s=now_s), now_s=now_s)
        decision = self._decide(objective, budget, now_s=now_s)
        decision_s = time.perf_counter() - started_s
        self._hysteresis, self._due = True, False
        self._decisions += 1
        self._power.expect(decision.power_w, now_s=now_s)
        for choice in decision.choices:
            self._apps[choice.app].record(choice)
        switches = [
            self._apps[choice.app].control.command(choice, now_s=now_s, settings=self._settings)
            for choice in decision.choices
        ]
        clocks = self._command_clocks(
            decision.clocks_hz, reason=f'{objective.value}: {objective_reason}', now_s=now_s
        )
        status = ManagerStatus(
            objective=objective,
            objective_reason=objective_reason,
            battery_percentage=self._battery.percentage(now_s=now_s),
            battery_energy_j=self._battery.energy_j(now_s=now_s),
            budget=budget,
            predicted_power_w=decision.power_w,
            apps=tuple(self._app_status(choice, now_s=now_s) for choice in decision.choices),
            dvfs_acknowledged=self._clocks.acknowledged(now_s=now_s),
            warnings=(*budget.warnings(decision), *self._warnings(now_s=now_s)),
            exact=decision.exact,
            loss_bound=decision.loss_bound,
            decision_s=decision_s,
            decisions=self._decisions,
        )
        return ManagerOutput(tuple(each for each in switches if each is not None), clocks, status)

    def _app_status(self, choice: Choice, *, now_s: float) -> AppStatus:
        own, app = self._targets.target(choice.app), self._apps[choice.app]
        subnet_id = choice.point.subnet_id
        escalation = app.escalation(subnet_id)
        return AppStatus(
            choice,
            app.control.tracker.acknowledged,
            escalation_rate=escalation.observed if escalation else math.nan,
            measured_escalation_rate=app.measured_escalation(subnet_id),
            doubt=escalation.doubt if escalation else '',
            attention=self._apps.attentions.effect_on(choice.app, own, now_s=now_s),
        )

    def _command_clocks(
        self, clocks_hz: Mapping[str, float], *, reason: str, now_s: float
    ) -> ClockCommand | None:
        """Return the frequency command to send now, or none."""
        if self._release_reason:
            return self._clocks.release(
                reason=self._release_reason, now_s=now_s, settings=self._settings
            )
        return self._clocks.command(clocks_hz, reason=reason, now_s=now_s, settings=self._settings)

    def _review(self, *, now_s: float) -> None:
        """Handle refused commands, silent applications, and frequencies to release."""
        settings = self._settings
        if self._clocks.suspend_refused(now_s=now_s, settings=settings):
            self._hysteresis = False
        if self._apps.attentions.end(now_s=now_s):
            self._hysteresis = False
        for each in self._apps:
            each.forget(now_s=now_s, timeout_s=settings.report_timeout_s)
            if each.control.suspend_refused(now_s=now_s, settings=settings):
                self._hysteresis = False
        idle = self._apps.idle(timeout_s=settings.report_timeout_s, now_s=now_s)
        if idle != self._idle:
            self._idle, self._hysteresis = idle, False
        reason = self._reason_to_release(now_s=now_s)
        if reason != self._release_reason:
            self._release_reason, self._hysteresis = reason, False

    def _reason_to_release(self, *, now_s: float) -> str:
        """Return why the platform is to restore its frequencies; empty if they are ours."""
        settings = self._settings
        if not settings.dvfs:
            return 'dvfs is false: frequencies restored'
        if len(self._apps.idle(timeout_s=settings.release_s, now_s=now_s)) == len(self.apps):
            return f'no frame_report for {settings.release_s:g} s: frequencies restored'
        return ''

    def _decide(self, objective: Objective, budget: PowerBudget, *, now_s: float) -> Decision:
        """Decide for the active applications, then for idle ones at the resulting frequencies.

        An idle application draws no power, but has a choice in case that it resumes.
        """
        policy = DecisionPolicy(
            objective=objective,
            deadline_probability=self._settings.deadline_probability,
            switch_margin=self._settings.switch_margin,
            energy_weight=self._settings.energy_weight,
            power_cap_w=budget.decision_w,
            cap_name=budget.name,
        )
        domains = self._clocks.domains(
            now_s=now_s, settings=self._settings, released=bool(self._release_reason)
        )
        decide_for = partial(
            self._apps.decide,
            hysteresis=self._hysteresis,
            contention=self._contention,
            now_s=now_s,
        )
        active = [name for name in self.apps if name not in self._idle]
        idle = [name for name in self.apps if name in self._idle]
        first = decide_for(active, domains, policy=policy)
        fixed = tuple(
            replace(each, frequency_hz=first.clocks_hz[each.name], settable=False)
            if each.name in first.clocks_hz
            else each
            for each in domains
        )
        remaining = replace(policy, power_cap_w=max(0.0, budget.decision_w - first.power_w))
        second = decide_for(idle, fixed, policy=remaining)
        return replace(
            first,
            choices=tuple(sorted((*first.choices, *second.choices), key=lambda each: each.app)),
            clocks_hz={**first.clocks_hz, **second.clocks_hz},
        )

    def _warnings(self, *, now_s: float) -> list[str]:
        """Return all warnings but those of the budget."""
        settings = self._settings
        result = self._battery.warnings(now_s=now_s)
        result += self._power.warnings(self._battery.usable_j(now_s=now_s), now_s=now_s)
        result += self._clocks.warnings(now_s=now_s, settings=settings)
        result += self._apps.warnings(now_s=now_s)
        for name in self.apps:
            result += self._apps[name].warnings(now_s=now_s, settings=settings)
        if self._idle:
            idle = ', '.join(sorted(self._idle))
            result.append(f'no frame_report for {settings.report_timeout_s:g} s from {idle}')
            if self._release_reason and settings.dvfs:
                result.append(self._release_reason)
        return result
