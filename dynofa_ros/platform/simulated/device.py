# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A device simulated from its platform description: frequencies, power, temperature and battery.

It is deterministic: time comes from a clock passed in, and nothing is random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dynofa_ros.platform.checks import PlatformError, check_fraction, check_not_negative
from dynofa_ros.platform.description import Platform
from dynofa_ros.platform.device import (
    MODELLED,
    BatteryReading,
    CommandResult,
    DeviceState,
    DomainReading,
    DomainSetting,
    PowerSample,
    TemperatureReading,
)
from dynofa_ros.platform.settings import resolve
from dynofa_ros.platform.simulated.clock import SimulatedClock
from dynofa_ros.platform.simulated.occupancy import LoadMeter, Occupancy

# Integration step of the temperatures: short against any thermal time constant.
MAX_STEP_S = 0.1


class SimulatedDevice:
    """A simulated machine, at the start idle in steady state at its highest frequencies."""

    def __init__(
        self, platform: Platform, *, clock: Callable[[], float], battery_percentage: float = 1.0
    ) -> None:
        """`clock` returns monotonic seconds; `battery_percentage` is the initial charge, 0..1."""
        check_fraction('battery_percentage', battery_percentage)
        self.platform = platform
        self._clock = clock
        self._now_s = clock()  # time up to which the model was advanced
        self.energy_j = 0.0
        self._clocks = {name: SimulatedClock(domain) for name, domain in platform.domains.items()}
        self._loads = {name: LoadMeter(unit) for name, unit in platform.processors.items()}
        self._occupancy = Occupancy(platform, clock=clock)
        self._temperatures_c = {
            name: zone.steady_c(platform.idle_power_w)
            for name, zone in platform.thermal_zones.items()
        }
        self._throttling = dict.fromkeys(platform.thermal_zones, False)
        self._power_w = platform.idle_power_w
        full_j = platform.battery.energy_j if platform.battery else 0.0
        self._battery_j = battery_percentage * full_j

    def advance(self) -> None:
        """Advance the model to the current time: one period, over which utilisation is reported.

        Raises PlatformError if the clock went backwards.
        """
        dt_s = self._behind_s()
        if dt_s == 0:
            return
        self._now_s += dt_s
        utilisation = {name: load.period(dt_s) for name, load in self._loads.items()}
        energy_j = 0.0
        left_s = dt_s
        while left_s > 0:
            change_s = min(clock.until_change_s for clock in self._clocks.values())
            step_s = min(left_s, change_s, MAX_STEP_S)
            energy_j += self._step(step_s, utilisation)
            left_s -= step_s
        self._power_w = energy_j / dt_s
        self.energy_j += energy_j

    def _behind_s(self) -> float:
        """Return the time since the model was advanced [s]."""
        behind_s = self._clock() - self._now_s
        check_not_negative('clock since the last period', behind_s)
        return behind_s

    def _step(self, dt_s: float, utilisation: dict[str, float]) -> float:
        """Advance by a time without frequency changes; return the energy drawn [J]."""
        frequencies_hz = {name: clock.frequency_hz for name, clock in self._clocks.items()}
        power_w = self.platform.board_power_w(
            frequencies_hz=frequencies_hz, utilisation=utilisation
        )
        self._battery_j = max(0.0, self._battery_j - power_w * dt_s)
        for clock in self._clocks.values():
            clock.advance(dt_s)
            clock.cap_hz = float('inf')
        for name, zone in self.platform.thermal_zones.items():
            before_c = self._temperatures_c[name]
            after_c = zone.after(before_c, power_w=power_w, dt_s=dt_s)
            self._temperatures_c[name] = after_c
            self._throttling[name] = zone.throttles(after_c, already=self._throttling[name])
            if self._throttling[name]:
                clock = self._clocks[zone.domain]
                clock.cap_hz = min(clock.cap_hz, zone.throttled_frequency_hz)
        return power_w * dt_s

    @property
    def simulated(self) -> bool:
        """True: every reading is modelled."""
        return True

    @property
    def wait_s(self) -> float:
        """Zero: a model can be set at any time [s]."""
        return 0.0

    def reason_not_settable(self, domain: str) -> str:
        """Return an empty text: every domain can be set."""
        return ''

    def start_sampling(self, rate_hz: float) -> None:
        """Do nothing: the power is modelled, not sampled."""

    def take_samples(self) -> list[PowerSample]:
        """Return no samples."""
        return []

    def apply(self, settings: Sequence[DomainSetting]) -> CommandResult:
        """Apply all settings or none. A range runs at its highest frequency."""
        current = {name: clock.limits for name, clock in self._clocks.items()}
        try:
            limits = resolve(settings, domains=self.platform.domains, current=current)
        except PlatformError as error:
            return CommandResult(applied=False, text=str(error))
        behind_s = self._behind_s()
        texts = [self._clocks[name].set(limits[name], behind_s=behind_s) for name in limits]
        return CommandResult(applied=True, text='; '.join(texts))

    @property
    def out_of_control(self) -> str:
        """Empty: every process has a model of its own."""
        return ''

    @property
    def changed(self) -> bool:
        """False: nothing outlives a model."""
        return False

    def take_control(self) -> CommandResult:
        """Do nothing: it is in control already."""
        return CommandResult(applied=True, text='')

    def restore(self) -> CommandResult:
        """Restore the default of every domain, the highest frequency, without delay."""
        for clock in self._clocks.values():
            clock.restore()
        return CommandResult(applied=True, text='all domains at their highest frequency')

    def close(self) -> None:
        """Restore the default frequencies."""
        self.restore()

    def add_busy(
        self,
        processor: str,
        busy_s: float,
        *,
        threads: int = 1,
        app: str = '',
        takes_turns: bool = False,
    ) -> None:
        """Account for a frame of an application that kept `threads` cores busy for `busy_s`.

        That time includes waiting for co-runners and other applications, which is subtracted. Where
        the application `takes_turns` with others, they do not delay the frames of each other.
        """
        self.platform.processor(processor)
        others = 0.0 if takes_turns else self._occupancy.load_of_others(app, processor)
        self._loads[processor].add_busy(busy_s, threads=threads, app=app, others=others)
        self._occupancy.add(app, processor=processor, busy_s=busy_s, threads=threads)

    def set_co_runner(self, processor: str, utilisation: float) -> None:
        """Set the utilisation of a processor by programs that we do not manage, 0..1."""
        self.platform.processor(processor)
        self._loads[processor].co_runner_utilisation = utilisation

    def state(self) -> DeviceState:
        """Return the current state; utilisation and power are those of the last period."""
        battery = self._battery()
        capabilities = ['set_frequency', 'power']
        capabilities += ['temperature'] if self.platform.thermal_zones else []
        capabilities += ['battery'] if battery else []
        return DeviceState(
            platform=self.platform.name,
            simulated=self.simulated,
            capabilities=tuple(capabilities),
            domains={name: self._domain(name) for name in self._clocks},
            rails_w={self.platform.rail: self._power_w},
            power_w=self._power_w,
            power_source=MODELLED,
            energy_j=self.energy_j,
            temperatures=tuple(
                TemperatureReading(name, self._temperatures_c[name], zone.throttle_c)
                for name, zone in self.platform.thermal_zones.items()
            ),
            battery=battery,
        )

    def _domain(self, name: str) -> DomainReading:
        clock = self._clocks[name]
        units = [unit.name for unit in self.platform.processors.values() if unit.domain == name]
        # A domain without processors, such as memory, has no load in this model.
        count = max(1, len(units))
        return DomainReading(
            name=name,
            processors=tuple(units),
            frequency_hz=clock.frequency_hz,
            min_frequency_hz=clock.limits.min_hz,
            max_frequency_hz=clock.limits.max_hz,
            available_frequencies_hz=clock.domain.frequencies_hz,
            settable=True,
            utilisation=sum(self._loads[unit].utilisation for unit in units) / count,
            co_runner_utilisation=sum(self._loads[unit].co_runner_utilisation for unit in units)
            / count,
            next_frequency_hz=clock.next_frequency_hz,
            throttled=clock.throttled,
        )

    def _battery(self) -> BatteryReading | None:
        model = self.platform.battery
        if model is None:
            return None
        percentage = self._battery_j / model.energy_j
        voltage_v = model.voltage_v(percentage)
        return BatteryReading(
            percentage=percentage,
            voltage_v=voltage_v,
            # With an empty battery the simulated machine keeps running, without drawing current.
            current_a=-self._power_w / voltage_v if percentage > 0 else 0.0,
            charge_ah=percentage * model.capacity_ah,
            capacity_ah=model.capacity_ah,
            status='Discharging' if percentage > 0 else 'Not charging',
        )
