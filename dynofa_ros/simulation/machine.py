"""The simulated machine: clocks, power, energy, heat and battery, from event to event."""

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
from dynofa_ros.simulation.processor import Job, Unit

Trace = Callable[..., None]
"""Takes note of an event: its kind, and its facts by name."""


class SimulatedMachine:
    """A platform at work.

    At the start it has been idle for long. A domain with a governor starts at that governor's
    clock, any other at the highest.
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
        self.power_w = platform.idle_power_w  # mean between the last two looks at temperatures
        self.co_runner_energy_j = 0.0  # the part of it above idle that is not our work
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
            # A governor sits in the kernel: nothing delays it but its own sampling.
            name: SimulatedClock(
                dataclasses.replace(domain, change_delay_s=0.0) if name in governors else domain
            )
            for name, domain in platform.domains.items()
        }
        self._requested_hz = {name: clock.limits.max_hz for name, clock in self._clocks.items()}
        self._frequency_hz = dict(self._requested_hz)
        self._due_s: dict[str, float] = {}  # when the last change asked for is in force
        self._caps_hz: dict[str, float] = {}  # of domains that heat holds back
        self.units = {
            name: Unit(platform, name, queue, sync=self.sync) for name in platform.processors
        }
        self._of_domain = {
            name: [unit for unit in self.units.values() if unit.domain == name]
            for name in platform.domains
        }
        for unit in self.units.values():
            unit.replan(self._frequency_hz[unit.domain])
        self._governed: dict[str, GovernedDomain] = {}
        for name, governor in governors.items():
            self._govern(name, governor)
        queue.every(MAX_STEP_S, self._heat)

    def frequency_hz(self, domain: str) -> float:
        """Return the clock of a domain now."""
        return self._frequency_hz[domain]

    def processors_of(self, domain: str) -> tuple[str, ...]:
        """Return the names of the processors that a domain clocks."""
        return tuple(unit.name for unit in self._of_domain[domain])

    @property
    def battery(self) -> float:
        """Charge of the battery, 0..1; NaN: there is none. Empty, it stays at 0."""
        if self.platform.battery is None:
            return math.nan
        left_j = self._battery_start_j - self.energy_j
        return max(0.0, left_j / self.platform.battery.energy_j)

    @property
    def temperatures_c(self) -> Mapping[str, float]:
        """Temperature of each thermal zone at the last look."""
        return self._temperature_c

    def sync(self) -> None:
        """Bring power, energy and work up to now. Before every change of anything."""
        dt_s = self._queue.now_s - self._synced_s
        if dt_s <= 0.0:
            return
        self._synced_s = self._queue.now_s
        power_w = self.platform.idle_power_w
        for unit in self.units.values():
            power_w += unit.power_w
            self.co_runner_energy_j += unit.co_runner_power_w * dt_s
            unit.advance(dt_s)
        self.energy_j += power_w * dt_s
        for name, governed in self._governed.items():
            governed.load(dt_s, frequency_hz=self._frequency_hz[name])

    def _rouse(self, domain: str) -> None:
        """Wake the governor of a domain whose load is about to change."""
        if domain in self._governed:
            self._governed[domain].wake(self._frequency_hz[domain])

    def start(self, job: Job, processor: str) -> None:
        """Run a job from now on."""
        unit = self.units[processor]
        self.sync()
        self._rouse(unit.domain)
        unit.add(job)
        unit.replan(self._frequency_hz[unit.domain])

    def stop(self, job: Job, processor: str) -> None:
        """Take a job out, be it done or not."""
        unit = self.units[processor]
        self.sync()
        unit.remove(job)
        unit.replan(self._frequency_hz[unit.domain])
        if unit.domain in self._governed:
            self._governed[unit.domain].slept()

    def set_co_runner(self, processor: str, utilisation: float) -> None:
        """Let other programs use a part of a processor from now on, 0..1."""
        unit = self.units[processor]
        self.sync()
        self._rouse(unit.domain)
        unit.co_runner_utilisation = utilisation
        unit.replan(self._frequency_hz[unit.domain])
        if self._trace:
            self._trace('co_runner', processor=processor, utilisation=utilisation)

    def set_clock(self, domain: str, frequency_hz: float) -> None:
        """Ask for a clock that the domain lists; it is in force after the domain's delay."""
        if frequency_hz == self._requested_hz[domain]:
            return
        self._requested_hz[domain] = frequency_hz
        self.sync()
        clock = self._clocks[domain]
        clock.set(Limits(frequency_hz, frequency_hz))
        if math.isinf(clock.until_change_s):
            self._changed(domain)
            return
        self._due_s[domain] = due_s = self._queue.now_s + clock.until_change_s
        self._queue.at(due_s, lambda: self._arrive(domain, due_s))

    def _arrive(self, domain: str, due_s: float) -> None:
        """Put a change of clock into force, unless another request has come in between."""
        clock = self._clocks[domain]
        if self._due_s[domain] != due_s or math.isinf(clock.until_change_s):
            return
        self.sync()
        clock.advance(clock.until_change_s)
        self._changed(domain)

    def _changed(self, domain: str) -> None:
        """Replan what a clock drives, if it is another than before."""
        frequency_hz = self._clocks[domain].frequency_hz
        if frequency_hz == self._frequency_hz[domain]:
            return
        self._frequency_hz[domain] = frequency_hz
        self.clock_changes[domain] += 1
        for unit in self._of_domain[domain]:
            unit.replan(frequency_hz)
        if self._trace:
            self._trace('clock', domain=domain, frequency_hz=frequency_hz)

    def _govern(self, name: str, governor: Governor) -> None:
        """Put a domain into the hands of a governor, at its first clock."""

        def look() -> float:
            self.sync()
            self.set_clock(name, governor.next_hz(self._frequency_hz[name]))
            return self._requested_hz[name]

        self._governed[name] = GovernedDomain(
            governor,
            self._of_domain[name],
            self.platform.domains[name].frequencies_hz[0],
            queue=self._queue,
            look=look,
        )
        self.set_clock(name, governor.first_hz)
        self.clock_changes[name] = 0
        self._governed[name].start()

    def _heat(self) -> None:
        """Follow the temperatures, by the mean power since the last look; throttle and release."""
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
                self._changed(domain)
