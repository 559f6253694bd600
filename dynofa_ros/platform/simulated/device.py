"""A machine that exists as its description only: clocks, power, heat and battery, modelled.

Time comes from the clock it is given and nothing is drawn at random: the same calls give the same
states. Every state says that it is modelled.
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
    TemperatureReading,
)
from dynofa_ros.platform.settings import resolve
from dynofa_ros.platform.simulated.clock import SimulatedClock
from dynofa_ros.platform.simulated.occupancy import LoadMeter, Occupancy

# Longest step between two looks at the temperatures: short against any thermal time constant.
MAX_STEP_S = 0.1


class SimulatedDevice:
    """A simulated machine.

    At the start it has been idle for long, and its clocks run at the highest frequency.
    """

    def __init__(
        self, platform: Platform, *, clock: Callable[[], float], battery_percentage: float = 1.0
    ) -> None:
        """`clock` returns seconds and never goes back; `battery_percentage` is the charge, 0..1."""
        check_fraction('battery_percentage', battery_percentage)
        self.platform = platform
        self._clock = clock
        self._now_s = clock()  # the time that the model has reached
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
        """Bring the model up to the clock: one period, over which utilisation is reported.

        Raises PlatformError if the clock went back.
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
        """Return how far the model is behind the clock [s]."""
        behind_s = self._clock() - self._now_s
        check_not_negative('clock since the last period', behind_s)
        return behind_s

    def _step(self, dt_s: float, utilisation: dict[str, float]) -> float:
        """Let a time pass in which no clock changes; return the energy drawn [J]."""
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
    def wait_s(self) -> float:
        """No wait: a model can be turned at any time [s]."""
        return 0.0

    def apply(self, settings: Sequence[DomainSetting]) -> CommandResult:
        """Set clocks, all or nothing. A range runs at its highest frequency."""
        current = {name: clock.limits for name, clock in self._clocks.items()}
        try:
            limits = resolve(settings, domains=self.platform.domains, current=current)
        except PlatformError as error:
            return CommandResult(applied=False, text=str(error))
        behind_s = self._behind_s()
        texts = [self._clocks[name].set(limits[name], behind_s=behind_s) for name in limits]
        return CommandResult(applied=True, text='; '.join(texts))

    def restore(self) -> CommandResult:
        """Put every clock back to its default, the highest frequency, at once."""
        for clock in self._clocks.values():
            clock.restore()
        return CommandResult(applied=True, text='all clocks at their highest frequency')

    def close(self) -> None:
        """Put the clocks back."""
        self.restore()

    def add_busy(self, processor: str, busy_s: float, *, threads: int = 1, app: str = '') -> None:
        """Count the time that a frame of an application kept `threads` cores busy [s].

        Part of it the frame waited for co-runners and other applications, whose work is their own.
        """
        self.platform.processor(processor)
        others = self._occupancy.beside(app, processor)
        self._loads[processor].add_busy(busy_s, threads=threads, app=app, others=others)
        self._occupancy.add(app, processor=processor, busy_s=busy_s, threads=threads)

    def set_co_runner(self, processor: str, utilisation: float) -> None:
        """Let programs that we do not manage use a part of a processor from now on, 0..1."""
        self.platform.processor(processor)
        self._loads[processor].co_runner_utilisation = utilisation

    def state(self) -> DeviceState:
        """Return everything as it is now; utilisation and power are of the last period."""
        battery = self._battery()
        capabilities = ['set_frequency', 'power']
        capabilities += ['temperature'] if self.platform.thermal_zones else []
        capabilities += ['battery'] if battery else []
        return DeviceState(
            platform=self.platform.name,
            simulated=True,
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
        # A domain with no processor of its own, such as memory, is never busy here.
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
            # An empty battery of a simulated machine gives nothing more, yet the machine runs on.
            current_a=-self._power_w / voltage_v if percentage > 0 else 0.0,
            charge_ah=percentage * model.capacity_ah,
            capacity_ah=model.capacity_ah,
            status='Discharging' if percentage > 0 else 'Not charging',
        )
