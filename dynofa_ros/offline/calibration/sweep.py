# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Measure latency and power of a machine at a series of frequencies, in ascending order.

Ascending order measures low power before the machine heats up. Before each frequency the sweep
waits for a hot machine to cool; the device restores all frequency settings however it ends.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from dynofa_ros.offline.calibration.cooldown import CalibrationError
from dynofa_ros.offline.calibration.latency_fit import Timing
from dynofa_ros.offline.calibration.loudva_fit import MAD_TO_SIGMA
from dynofa_ros.offline.calibration.workload import Task
from dynofa_ros.offline.console import Report
from dynofa_ros.platform import DomainSetting
from dynofa_ros.platform.linux import LinuxDevice
from dynofa_ros.platform.linux.power_meter import PowerMeter

POWER_SAMPLE_S = 0.05
REACH_TIMEOUT_S = 5.0
"""A frequency not reached after this time counts as unreachable."""
FREQUENCY_TOLERANCE = 0.02
"""Relative. intel_pstate reports the average that the core counted, not the setting."""
SETTLE_S = 0.2
"""Power sensors average over up to some tenths of a second (assumed)."""
MIN_FRAMES = 5
IDLE_FRACTION = 0.25
"""Idle power is measured for this fraction of the time of the frames."""


@dataclass(frozen=True)
class MeanPower:
    """Mean power and its source."""

    power_w: float  # NaN: unknown
    source: str  # as in `DeviceState.power_source`


@dataclass(frozen=True)
class ClockMeasurement:
    """Measurement at one frequency."""

    frequency_hz: float
    change_delay_s: float  # from the request until a frame ran at it; NaN: did not change
    idle: MeanPower
    busy: MeanPower  # on all threads
    hottest_c: float  # of all sensors, at the end; NaN: no sensor
    timings: tuple[Timing, ...]


@dataclass(frozen=True)
class UnreachedClock:
    """A requested frequency that was left out."""

    frequency_hz: float
    why: str  # the frequency that ran instead


class PowerWindow:
    """Averages power from its creation until `end`."""

    def __init__(self, meter: PowerMeter, *, clock: Callable[[], float]) -> None:
        self._meter = meter
        self._clock = clock
        self._sampled_s = clock()
        self._end_period()

    def sample(self) -> None:
        """Sample the meter if the last sample is old enough."""
        now_s = self._clock()
        if now_s - self._sampled_s >= POWER_SAMPLE_S:
            self._sampled_s = now_s
            self._meter.sample()

    def end(self) -> MeanPower:
        """Return the mean power since the start."""
        self._end_period()
        return MeanPower(self._meter.power_w, self._meter.source)

    def _end_period(self) -> None:
        self._meter.sample()
        self._meter.end_period()


@dataclass(frozen=True)
class Bench:
    """Runs tasks on a device at one frequency after another."""

    device: LinuxDevice
    meter: PowerMeter
    wait_until_cool: Callable[[], None]
    seconds: float  # duration of the timed frames at each frequency
    clock: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], object] = time.sleep

    def sweep(
        self,
        domain: str,
        frequencies_hz: Sequence[float],
        tasks: Sequence[Task],
        report: Report = lambda done, text='': None,
    ) -> tuple[list[ClockMeasurement], list[UnreachedClock]]:
        """Measure the tasks at each frequency of one domain, in ascending order.

        Raises CalibrationError if the device rejects a frequency or the machine does not cool.
        """
        measured: list[ClockMeasurement] = []
        unreached: list[UnreachedClock] = []
        start_s = self.clock()
        for done, frequency_hz in enumerate(sorted(frequencies_hz)):
            passed_s = self.clock() - start_s
            left = f', about {passed_s / done * (len(frequencies_hz) - done):.0f} s' if done else ''
            report(done, f'{domain} {frequency_hz / 1e6:g} MHz{left}')
            self.wait_until_cool()
            delay_s = self._set_frequency(domain, frequency_hz, tasks)
            deviation = self._deviation(domain, frequency_hz, tasks)
            if not deviation:
                each = self.measure(frequency_hz, tasks, change_delay_s=delay_s)
                deviation = self._deviation(domain, frequency_hz, tasks)
            if deviation:
                unreached.append(UnreachedClock(frequency_hz, deviation))
            else:
                measured.append(each)
        report(len(frequencies_hz))
        return measured, unreached

    def measure(
        self, frequency_hz: float, tasks: Sequence[Task], *, change_delay_s: float = math.nan
    ) -> ClockMeasurement:
        """Measure idle power, then the latency of every task and the power on all threads."""
        self.sleep(SETTLE_S)
        idle = self._power_window()
        end_s = self.clock() + IDLE_FRACTION * self.seconds
        while self.clock() < end_s:
            self.sleep(POWER_SAMPLE_S)
            idle.sample()
        idle_power = idle.end()
        all_threads = max(each.threads for each in tasks)
        timings, busy = [], None
        for task in sorted(tasks, key=lambda each: each.threads):
            if busy is None and task.threads == all_threads:
                self._warm_up(task)
                busy = self._power_window()
            timings.append(self._time(task, frequency_hz, self.seconds / len(tasks), busy))
        assert busy is not None
        return ClockMeasurement(
            frequency_hz=frequency_hz,
            change_delay_s=change_delay_s,
            idle=idle_power,
            busy=busy.end(),
            hottest_c=self._hottest_c(),
            timings=tuple(timings),
        )

    def contention(
        self, tasks: Sequence[Task], *, co_runners: AbstractContextManager[None]
    ) -> float:
        """Return the relative increase of latency while busy co-runners occupy the cores.

        Measured with the largest task on all threads, at the current frequency.
        """
        self.wait_until_cool()
        task = max(tasks, key=lambda each: (each.threads, each.flops))
        alone_s = self._median_s(task)
        with co_runners:
            return max(0.0, self._median_s(task) / alone_s - 1)

    def _median_s(self, task: Task) -> float:
        self._warm_up(task)
        return float(np.median(self._frame_times_s(task, self.seconds / 2)))

    def _power_window(self) -> PowerWindow:
        return PowerWindow(self.meter, clock=self.clock)

    def _warm_up(self, task: Task) -> None:
        end_s = self.clock() + SETTLE_S
        while self.clock() < end_s:
            task.run()

    def _time(
        self, task: Task, frequency_hz: float, seconds: float, window: PowerWindow | None
    ) -> Timing:
        task.run()  # the first frame after another task is slower
        times_s = self._frame_times_s(task, seconds, window)
        median_s = float(np.median(times_s))
        return Timing(
            subnet_id=task.subnet_id,
            flops=task.flops,
            layers=task.layers,
            threads=task.threads,
            frequency_hz=frequency_hz,
            latency_s=median_s,
            spread_s=MAD_TO_SIGMA * float(np.median(np.abs(np.array(times_s) - median_s))),
            frames=len(times_s),
        )

    def _frame_times_s(
        self, task: Task, seconds: float, window: PowerWindow | None = None
    ) -> list[float]:
        """Run frames for a duration; return the time of each [s]."""
        times_s: list[float] = []
        end_s = self.clock() + seconds
        while self.clock() < end_s or len(times_s) < MIN_FRAMES:
            start_s = self.clock()
            task.run()
            times_s.append(self.clock() - start_s)
            if window is not None:
                window.sample()
        return times_s

    def _set_frequency(self, domain: str, frequency_hz: float, tasks: Sequence[Task]) -> float:
        """Set a frequency; return the delay until frames ran at it [s], NaN if they never did.

        Frames run while it waits, because some drivers report the frequency of a busy core only.
        """
        before_hz = self._frequency_hz(domain, tasks)
        outcome = self.device.apply([DomainSetting(domain, frequency_hz=frequency_hz)])
        if not outcome.applied:
            raise CalibrationError(f'{domain} at {frequency_hz / 1e6:g} MHz: {outcome.text}')
        start_s = self.clock()
        while not _close(self._frequency_hz(domain, tasks), frequency_hz):
            if self.clock() - start_s > REACH_TIMEOUT_S:
                return math.nan
        # Without a change there is no delay to measure.
        return math.nan if _close(before_hz, frequency_hz) else self.clock() - start_s

    def _deviation(self, domain: str, frequency_hz: float, tasks: Sequence[Task]) -> str:
        """Describe the frequency that runs in place of the requested one; empty: it is reached."""
        now_hz = self._frequency_hz(domain, tasks)
        if _close(now_hz, frequency_hz):
            return ''
        throttled = self.device.state().domains[domain].throttled
        return f'{now_hz / 1e6:g} MHz{", throttled" if throttled else ""}'

    def _frequency_hz(self, domain: str, tasks: Sequence[Task]) -> float:
        """Return the frequency of a domain after a frame on all threads [Hz]."""
        max(tasks, key=lambda each: (each.threads, -each.flops)).run()
        return self.device.state().domains[domain].frequency_hz

    def _hottest_c(self) -> float:
        known = [each.temperature_c for each in self.device.state().temperatures]
        return max((each for each in known if not math.isnan(each)), default=math.nan)


def spread_frequencies(frequencies_hz: Sequence[float], count: int) -> tuple[float, ...]:
    """Return at most `count` frequencies, at least 2, evenly spread and with both ends."""
    ascending = sorted(frequencies_hz)
    if len(ascending) <= count:
        return tuple(ascending)
    targets_hz = np.linspace(ascending[0], ascending[-1], count)
    nearest = {min(ascending, key=lambda each: abs(each - target)) for target in targets_hz}
    return tuple(sorted(nearest))


def _close(found_hz: float, requested_hz: float) -> bool:
    return abs(found_hz / requested_hz - 1) <= FREQUENCY_TOLERANCE
