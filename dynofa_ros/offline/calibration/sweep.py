"""Measure latency and power of a machine at its clocks, from the lowest upwards.

Safe by its order: a machine is cool before it is hot, it waits to cool near a throttle point, and
the device puts every clock back, whatever happens.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from dynofa_ros.offline.calibration.cooldown import CalibrationError, Cooling
from dynofa_ros.offline.calibration.latency_fit import Timing
from dynofa_ros.offline.calibration.workload import Task
from dynofa_ros.offline.progress_report import Report
from dynofa_ros.platform import DomainSetting
from dynofa_ros.platform.linux import LinuxDevice
from dynofa_ros.platform.linux.power_meter import PowerMeter

SAMPLE_S = 0.05


@dataclass(frozen=True)
class MeasuredPower:
    """A mean power and where it comes from."""

    power_w: float  # NaN: unknown
    source: str  # as in `DeviceState.power_source`


class PowerWindow:
    """A time over which the power is averaged, from when it is made until `end`."""

    def __init__(self, meter: PowerMeter, *, clock: Callable[[], float]) -> None:
        self._meter = meter
        self._clock = clock
        self._looked_s = clock()
        self._end_period()

    def look(self) -> None:
        """Take a sample if the last one is old enough."""
        now_s = self._clock()
        if now_s - self._looked_s >= SAMPLE_S:
            self._looked_s = now_s
            self._meter.sample()

    def end(self) -> MeasuredPower:
        """Return the mean since the start."""
        self._end_period()
        return MeasuredPower(self._meter.power_w, self._meter.source)

    def _end_period(self) -> None:
        self._meter.sample()
        self._meter.end_period()


REACH_S = 5.0
"""A clock that has not followed after this long does not."""
SAME = 0.02
"""A clock counts as reached this near: intel_pstate shows what the core counted."""
SETTLE_S = 0.2
"""Power sensors show a mean over up to some tenths of a second (assumed)."""
LEAST_FRAMES = 5
IDLE_SHARE = 0.25
"""Idle power is taken for this part of the time of a clock."""


@dataclass(frozen=True)
class ClockMeasured:
    """What was measured at one clock."""

    frequency_hz: float
    change_delay_s: float  # from the request until a frame later saw it; NaN: not turned
    idle: MeasuredPower
    busy: MeasuredPower  # on all threads
    hottest_c: float  # of all sensors, afterwards; NaN: none
    timings: tuple[Timing, ...]


@dataclass(frozen=True)
class Unreached:
    """A clock that was asked for and left out."""

    frequency_hz: float
    why: str  # what ran instead


class Bench:
    """Runs tasks on a device at one clock after another."""

    def __init__(
        self,
        device: LinuxDevice,
        *,
        meter: PowerMeter,
        cooling: Cooling,
        seconds: float,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """`seconds` of frames at each clock."""
        if not 0 < seconds < math.inf:
            raise CalibrationError(f'seconds is {seconds!r}; expected above 0')
        self._device = device
        self._meter = meter
        self._cooling = cooling
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep

    def sweep(
        self,
        domain: str,
        frequencies_hz: Sequence[float],
        tasks: Sequence[Task],
        report: Report = lambda done, text='': None,
    ) -> tuple[list[ClockMeasured], list[Unreached]]:
        """Measure the tasks at each frequency, the lowest first; all other clocks stay.

        Raises CalibrationError if the device refuses a clock, and if the machine does not cool.
        """
        measured: list[ClockMeasured] = []
        unreached: list[Unreached] = []
        start_s = self._clock()
        for done, frequency_hz in enumerate(sorted(frequencies_hz)):
            passed_s = self._clock() - start_s
            left = f', about {passed_s / done * (len(frequencies_hz) - done):.0f} s' if done else ''
            report(done, f'{domain} {frequency_hz / 1e6:g} MHz{left}')
            self._cooling.wait()
            delay_s = self._turn(domain, frequency_hz, tasks)
            why = self._why_not_at(domain, frequency_hz, tasks)
            if not why:
                each = self.measure(frequency_hz, tasks, change_delay_s=delay_s)
                why = self._why_not_at(domain, frequency_hz, tasks)
            if why:
                unreached.append(Unreached(frequency_hz, why))
            else:
                measured.append(each)
        report(len(frequencies_hz))
        return measured, unreached

    def measure(
        self, frequency_hz: float, tasks: Sequence[Task], *, change_delay_s: float = math.nan
    ) -> ClockMeasured:
        """Measure idle power, then frames of every task and the power on all threads."""
        self._sleep(SETTLE_S)
        idle = self._window()
        end_s = self._clock() + IDLE_SHARE * self._seconds
        while self._clock() < end_s:
            self._sleep(SAMPLE_S)
            idle.look()
        idle_power = idle.end()
        most = max(each.threads for each in tasks)
        timings, busy = [], None
        for task in sorted(tasks, key=lambda each: each.threads):
            if busy is None and task.threads == most:
                self._warm_up(task)
                busy = self._window()
            timings.append(self._time(task, frequency_hz, len(tasks), busy))
        assert busy is not None
        return ClockMeasured(
            frequency_hz=frequency_hz,
            change_delay_s=change_delay_s,
            idle=idle_power,
            busy=busy.end(),
            hottest_c=self._hottest_c(),
            timings=tuple(timings),
        )

    def contention(self, tasks: Sequence[Task], *, beside: AbstractContextManager[None]) -> float:
        """Return by how much of itself a frame grows beside programs that are always busy.

        The dearest task on all threads, at the clock that is set.
        """
        self._cooling.wait()
        task = max(tasks, key=lambda each: (each.threads, each.flops))
        alone_s = self._median_s(task)
        with beside:
            return max(0.0, self._median_s(task) / alone_s - 1)

    def _median_s(self, task: Task) -> float:
        self._warm_up(task)
        return float(np.median(self._frames_s(task, self._seconds / 2)))

    def _window(self) -> PowerWindow:
        return PowerWindow(self._meter, clock=self._clock)

    def _warm_up(self, task: Task) -> None:
        end_s = self._clock() + SETTLE_S
        while self._clock() < end_s:
            task.run()

    def _time(
        self, task: Task, frequency_hz: float, share: int, window: PowerWindow | None
    ) -> Timing:
        task.run()  # the first frame after another task is slower
        taken_s = self._frames_s(task, self._seconds / share, window)
        middle_s = float(np.median(taken_s))
        return Timing(
            subnet_id=task.subnet_id,
            flops=task.flops,
            layers=task.layers,
            threads=task.threads,
            frequency_hz=frequency_hz,
            latency_s=middle_s,
            spread_s=1.4826 * float(np.median(np.abs(np.array(taken_s) - middle_s))),
            frames=len(taken_s),
        )

    def _frames_s(
        self, task: Task, seconds: float, window: PowerWindow | None = None
    ) -> list[float]:
        """Return how long each frame of that time took [s]."""
        taken_s: list[float] = []
        end_s = self._clock() + seconds
        while self._clock() < end_s or len(taken_s) < LEAST_FRAMES:
            start_s = self._clock()
            task.run()
            taken_s.append(self._clock() - start_s)
            if window is not None:
                window.look()
        return taken_s

    def _turn(self, domain: str, frequency_hz: float, tasks: Sequence[Task]) -> float:
        """Set a clock; return how long it took until frames ran at it [s], NaN if they never did.

        Frames run meanwhile: some drivers show the clock of a core that works, and no other.
        """
        before_hz = self._frequency_hz(domain, tasks)
        outcome = self._device.apply([DomainSetting(domain, frequency_hz=frequency_hz)])
        if not outcome.applied:
            raise CalibrationError(f'{domain} at {frequency_hz / 1e6:g} MHz: {outcome.text}')
        start_s = self._clock()
        while not _same(self._frequency_hz(domain, tasks), frequency_hz):
            if self._clock() - start_s > REACH_S:
                return math.nan
        # A clock that stood there before says nothing of how long a change takes.
        return math.nan if _same(before_hz, frequency_hz) else self._clock() - start_s

    def _why_not_at(self, domain: str, frequency_hz: float, tasks: Sequence[Task]) -> str:
        """Return what runs instead of a clock, in words; empty: it runs."""
        now_hz = self._frequency_hz(domain, tasks)
        if _same(now_hz, frequency_hz):
            return ''
        throttled = self._device.state().domains[domain].throttled
        return f'{now_hz / 1e6:g} MHz{", throttled" if throttled else ""}'

    def _frequency_hz(self, domain: str, tasks: Sequence[Task]) -> float:
        """Return the clock of a domain after a frame on all threads [Hz]."""
        max(tasks, key=lambda each: (each.threads, -each.flops)).run()
        return self._device.state().domains[domain].frequency_hz

    def _hottest_c(self) -> float:
        known = [each.temperature_c for each in self._device.state().temperatures]
        return max((each for each in known if not math.isnan(each)), default=math.nan)


def spread_clocks(frequencies_hz: Sequence[float], count: int) -> tuple[float, ...]:
    """Return at most `count` of the frequencies, both ends included, spread evenly in frequency.

    Raises CalibrationError for a count below 2.
    """
    if count < 2:
        raise CalibrationError(
            f'clocks is {count}; expected at least 2, the lowest and the highest'
        )
    ascending = sorted(frequencies_hz)
    if len(ascending) <= count:
        return tuple(ascending)
    wanted_hz = np.linspace(ascending[0], ascending[-1], count)
    nearest = {min(ascending, key=lambda each: abs(each - wanted)) for wanted in wanted_hz}
    return tuple(sorted(nearest))


def _same(found_hz: float, asked_hz: float) -> bool:
    return abs(found_hz / asked_hz - 1) <= SAME
