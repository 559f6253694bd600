# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The simulated machine: frequencies, power, energy, temperatures and battery over time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

from dynofa_ros.platform import Platform
from dynofa_ros.platform.settings import Limits
from dynofa_ros.platform.simulated.clock import SimulatedClock
from dynofa_ros.platform.simulated.device import MAX_STEP_S
from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.governors.domain import GovernedDomain
from dynofa_ros.simulation.governors.linux import Governor
from dynofa_ros.simulation.processor import Job, SimulatedProcessor

Trace = Callable[..., None]
"""Receives each event: its kind, and its fields as keyword arguments."""


class SimulatedMachine:
    """A platform in operation, which starts in thermal equilibrium at idle.

    A domain with a governor starts at that governor's first frequency, any other at its highest.
    """

    def __init__(
        self,
        platform: Platform,
        queue: EventQueue,
        *,
        governors: Mapping[str, Governor],
        battery_initial: float,
        trace: Trace | None = None,
    ) -> None:
        self.platform = platform
        self.energy_j = 0.0
        self.power_w = platform.idle_power_w  # mean over the last thermal step
        self.co_runner_energy_j = 0.0  # part of energy_j above idle that co-runners used
        self.clock_changes = dict.fromkeys(platform.domains, 0)
        self.hottest_c = {
            name: zone.steady_c(platform.idle_power_w)
            for name, zone in platform.thermal_zones.items()
        }
        self.throttled_s = dict.fromkeys(platform.thermal_zones, 0.0)
        self._queue, self._trace = queue, trace
        self._synced_s = self._heated_s = self._heated_j = 0.0
        self._temperature_c = dict(self.hottest_c)
        self._throttling = dict.fromkeys(platform.thermal_zones, False)
        self._battery_start_j = (
            battery_initial * platform.battery.energy_j if platform.battery else math.nan
        )
        self._clocks = {
            # A governor runs in the kernel: only its sampling period delays it.
            name: SimulatedClock(
                dataclasses.replace(domain, change_delay_s=0.0) if name in governors else domain
            )
            for name, domain in platform.domains.items()
        }
        self._requested_hz = {name: clock.limits.max_hz for name, clock in self._clocks.items()}
        self._frequency_hz = dict(self._requested_hz)
        self._due_s: dict[str, float] = {}  # when the last request takes effect, by domain
        self._caps_hz: dict[str, float] = {}  # of throttled domains
        self._processors = {
            name: SimulatedProcessor(platform, name, queue, sync=self.sync)
            for name in platform.processors
        }
        self._of_domain = {
            name: [each for each in self._processors.values() if each.domain == name]
            for name in platform.domains
        }
        for processor in self._processors.values():
            processor.replan(self._frequency_hz[processor.domain])
        self._governed: dict[str, GovernedDomain] = {}
        for name, governor in governors.items():
            self._add_governor(name, governor)
        queue.every(MAX_STEP_S, self._update_temperatures)

    def frequency_hz(self, domain: str) -> float:
        """Return the present frequency of a domain."""
        return self._frequency_hz[domain]

    @property
    def frequencies_hz(self) -> tuple[float, ...]:
        """The present frequencies of all domains, in the platform's order."""
        return tuple(self._frequency_hz.values())

    def processors_of(self, domain: str) -> tuple[str, ...]:
        """Return the names of the processors in a frequency domain."""
        return tuple(each.name for each in self._of_domain[domain])

    @property
    def battery(self) -> float:
        """State of charge of the battery, 0..1; NaN without a battery. It stays at 0 when empty."""
        if self.platform.battery is None:
            return math.nan
        left_j = self._battery_start_j - self.energy_j
        return max(0.0, left_j / self.platform.battery.energy_j)

    @property
    def temperatures_c(self) -> Mapping[str, float]:
        """Temperature of each thermal zone after the last thermal step."""
        return self._temperature_c

    def sync(self) -> None:
        """Advance power, energy and work to the present; call this before every change of state."""
        dt_s = self._queue.now_s - self._synced_s
        if dt_s <= 0.0:
            return
        self._synced_s = self._queue.now_s
        power_w = self.platform.idle_power_w
        for processor in self._processors.values():
            power_w += processor.power_w
            self.co_runner_energy_j += processor.co_runner_power_w * dt_s
            processor.advance(dt_s)
        self.energy_j += power_w * dt_s
        for name, governed in self._governed.items():
            governed.load(dt_s, frequency_hz=self._frequency_hz[name])

    def start(self, job: Job, name: str) -> None:
        """Start a job on a processor."""
        processor = self._before_load_change(name)
        processor.add(job)
        processor.replan(self._frequency_hz[processor.domain])

    def stop(self, job: Job, name: str) -> None:
        """Remove a job from a processor, whether or not it is done."""
        processor = self._processors[name]
        self.sync()
        processor.remove(job)
        processor.replan(self._frequency_hz[processor.domain])
        if processor.domain in self._governed:
            self._governed[processor.domain].frame_done()

    def set_co_runner(self, name: str, utilisation: float) -> None:
        """Set the utilisation of a processor by co-runners, 0..1."""
        processor = self._before_load_change(name)
        processor.co_runner_utilisation = utilisation
        processor.replan(self._frequency_hz[processor.domain])
        if self._trace:
            self._trace('co_runner', processor=name, utilisation=utilisation)

    def _before_load_change(self, name: str) -> SimulatedProcessor:
        """Return a processor, with its machine in sync and its governor awake."""
        processor = self._processors[name]
        self.sync()
        if processor.domain in self._governed:
            self._governed[processor.domain].wake(self._frequency_hz[processor.domain])
        return processor

    def set_frequency(self, domain: str, frequency_hz: float) -> None:
        """Request a listed frequency; it takes effect after the domain's delay."""
        if frequency_hz == self._requested_hz[domain]:
            return
        self._requested_hz[domain] = frequency_hz
        self.sync()
        clock = self._clocks[domain]
        clock.set(Limits(frequency_hz, frequency_hz))
        if math.isinf(clock.until_change_s):
            self._apply_frequency(domain)
            return
        self._due_s[domain] = due_s = self._queue.now_s + clock.until_change_s
        self._queue.at(due_s, lambda: self._complete_request(domain, due_s))

    def _complete_request(self, domain: str, due_s: float) -> None:
        """Complete a frequency request unless a newer one has replaced it."""
        clock = self._clocks[domain]
        if self._due_s[domain] != due_s or math.isinf(clock.until_change_s):
            return
        self.sync()
        clock.advance(clock.until_change_s)
        self._apply_frequency(domain)

    def _apply_frequency(self, domain: str) -> None:
        """Replan the processors of a domain if its frequency has changed."""
        frequency_hz = self._clocks[domain].frequency_hz
        if frequency_hz == self._frequency_hz[domain]:
            return
        self._frequency_hz[domain] = frequency_hz
        self.clock_changes[domain] += 1
        for processor in self._of_domain[domain]:
            processor.replan(frequency_hz)
        if self._trace:
            self._trace('clock', domain=domain, frequency_hz=frequency_hz)

    def _add_governor(self, name: str, governor: Governor) -> None:
        """Let a governor control a domain, starting at its first frequency."""

        def update() -> float:
            self.sync()
            self.set_frequency(name, governor.next_hz(self._frequency_hz[name]))
            return self._requested_hz[name]

        governed = GovernedDomain(
            governor,
            self._of_domain[name],
            self.platform.domains[name].frequencies_hz[0],
            queue=self._queue,
            update=update,
        )
        if governor.period_s > 0.0:  # otherwise it never looks at the load
            self._governed[name] = governed
        self.set_frequency(name, governor.first_hz)
        self.clock_changes[name] = 0
        governed.start()

    def _update_temperatures(self) -> None:
        """Advance temperatures by the mean power since the last step; throttle and release."""
        self.sync()
        dt_s = self._queue.now_s - self._heated_s
        if dt_s <= 0.0:
            return
        self.power_w = power_w = (self.energy_j - self._heated_j) / dt_s
        self._heated_s, self._heated_j = self._queue.now_s, self.energy_j
        caps_hz: dict[str, float] = {}
        for name, zone in self.platform.thermal_zones.items():
            after_c = zone.after(self._temperature_c[name], power_w=power_w, dt_s=dt_s)
            self._temperature_c[name] = after_c
            self.hottest_c[name] = max(self.hottest_c[name], after_c)
            if self._throttling[name]:
                self.throttled_s[name] += dt_s
            self._throttling[name] = zone.throttles(after_c, already=self._throttling[name])
            if self._throttling[name]:
                cap_hz = min(zone.throttled_frequency_hz, caps_hz.get(zone.domain, math.inf))
                caps_hz[zone.domain] = self.platform.domains[zone.domain].check(name, cap_hz)
        if caps_hz != self._caps_hz:
            self._caps_hz = caps_hz
            for domain, clock in self._clocks.items():
                clock.cap_hz = caps_hz.get(domain, math.inf)
                self._apply_frequency(domain)
