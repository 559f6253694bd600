"""Choose what of a machine is calibrated, and calibrate it: its domains, or its only clock."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from dynofa_ros.engine import CPU
from dynofa_ros.offline.calibration.co_runner import always_busy
from dynofa_ros.offline.calibration.cooldown import CalibrationError
from dynofa_ros.offline.calibration.description import Calibrated, CalibratedMachine
from dynofa_ros.offline.calibration.latency_fit import fit
from dynofa_ros.offline.calibration.sweep import Bench, spread_clocks
from dynofa_ros.offline.calibration.workload import Task, Workload
from dynofa_ros.offline.progress_report import reporting
from dynofa_ros.platform.device import RAIL, RAPL
from dynofa_ros.platform.linux import LinuxDevice, LinuxMachine, Sysfs
from dynofa_ros.platform.linux.batteries import SUPPLIES
from dynofa_ros.platform.linux.domain import ClockDomain
from dynofa_ros.platform.linux.rails import board_rails

CoRunners = Callable[[int], AbstractContextManager[None]]
"""Starts so many programs that are always busy, until its end."""


class MachineCalibration:
    """Measures and fits the processors of a machine, one after another."""

    def __init__(
        self,
        bench: Bench,
        device: LinuxDevice,
        sysfs: Sysfs,
        *,
        workload: Workload,
        co_runners: CoRunners = always_busy,
        say: Callable[[str], object] = print,
    ) -> None:
        self._bench = bench
        self._device = device
        self._sysfs = sysfs
        self._workload = workload
        self._co_runners = co_runners
        self._say = say

    def run(self, domains: Sequence[str] | None, *, count: int) -> list[Calibrated]:
        """Calibrate the domains named, or all that can be; `count` clocks of each at most.

        A machine without clocks is measured at the one that it has. Raises ValueError for a domain
        that cannot be turned or runs no network, where there is none, and where a fit is not
        possible.
        """
        if not self._device.machine.domains:
            return [self._at_the_only_clock(domains)]
        return [self._sweep(each, count) for each in self._chosen(domains)]

    def _chosen(self, wanted: Sequence[str] | None) -> list[ClockDomain]:
        """Return the domains to turn: those named, or all that can be turned and run networks."""
        everyone = {each.name: each for each in self._device.machine.domains}
        runs = {name for name, each in everyone.items() if each.kind in self._workload.kinds}
        why_not = {name: self._device.why_not(name) for name in (*everyone, *(wanted or ()))}
        for name in wanted or ():
            if name in everyone and name not in runs:
                raise CalibrationError(
                    f'domain is {name!r}; no network runs there; expected {", ".join(sorted(runs))}'
                )
            if why_not[name]:
                raise CalibrationError(why_not[name])
        chosen = [name for name in everyone if name in (wanted or runs) and not why_not[name]]
        if not chosen:
            reasons = '; '.join(why_not[name] for name in everyone if name in runs)
            raise CalibrationError(
                f'no clock can be turned: {reasons or "no network runs where a clock is known"}'
            )
        for name in sorted(runs - set(chosen)) if not wanted else ():
            self._say(f'{name} is left out: {why_not[name]}')
        return [everyone[name] for name in chosen]

    def _sweep(self, domain: ClockDomain, count: int) -> Calibrated:
        reading = self._device.state().domains[domain.name]
        clocks_hz = spread_clocks(reading.available_frequencies_hz, count)
        cores = _cores(domain)
        with self._workload.on(domain.kind, cores) as tasks:
            with reporting('clock', len(clocks_hz)) as report:
                measured, unreached = self._bench.sweep(domain.name, clocks_hz, tasks, report)
            contention = self._contention(domain.kind, cores, tasks)
        for each in unreached:
            self._say(
                f'{domain.name} {each.frequency_hz / 1e6:g} MHz is left out: {each.why} ran instead'
            )
        if not measured:
            raise CalibrationError(f'{domain.name} kept none of the clocks that it was set to')
        return Calibrated(
            name=reading.processors[-1],
            domain=domain.name,
            kind=domain.kind,
            cores=len(cores) if domain.kind == CPU else 1,
            frequencies_hz=domain.frequencies_hz,
            clocks=tuple(measured),
            unreached=tuple(unreached),
            fit=fit([timing for each in measured for timing in each.timings]),
            contention=contention,
        )

    def _contention(self, kind: str, cores: tuple[int, ...], tasks: Sequence[Task]) -> float:
        """Return the CPU's contention; NaN for others, on which no program of ours is busy."""
        if kind != CPU:
            return math.nan
        return self._bench.contention(tasks, beside=self._co_runners(len(cores)))

    def _at_the_only_clock(self, wanted: Sequence[str] | None) -> Calibrated:
        """Measure the CPU of a machine without clocks, at the clock that Linux says it has."""
        if wanted and list(wanted) != [CPU]:
            raise CalibrationError(
                f'domain is {" ".join(wanted)!r}; this machine has no clocks to turn'
            )
        frequency_hz = _cpuinfo_hz(self._sysfs)
        self._say(
            'this machine has no clocks to turn: it is measured at its one clock, which is '
            f'{frequency_hz / 1e6:g} MHz by /proc/cpuinfo'
        )
        cores = tuple(sorted(os.sched_getaffinity(0)))
        with self._workload.on(CPU, cores) as tasks:
            measured = self._bench.measure(frequency_hz, tasks)
            contention = self._contention(CPU, cores, tasks)
        return Calibrated(
            name=CPU,
            domain=CPU,
            kind=CPU,
            cores=len(cores),
            frequencies_hz=(frequency_hz,),
            clocks=(measured,),
            unreached=(),
            fit=fit(measured.timings),
            contention=contention,
        )


def _cpuinfo_hz(sysfs: Sysfs) -> float:
    for line in sysfs.text('/proc/cpuinfo').splitlines():
        field, _, value = line.partition(':')
        if field.strip() == 'cpu MHz':
            return float(value) * 1e6
    raise CalibrationError(
        'this machine has no clocks to turn, and /proc/cpuinfo does not say how fast it runs; '
        'expected a machine with cpufreq or devfreq (see `dynofa platform`)'
    )


def _cores(domain: ClockDomain) -> tuple[int, ...]:
    """Return the cores of a domain that this process may use; all of them for a GPU."""
    allowed = os.sched_getaffinity(0)
    cores = tuple(core for core in domain.cores if core in allowed)
    if domain.cores and not cores:
        raise CalibrationError(f'{domain.name}: this process may use none of its cores')
    return cores or tuple(sorted(allowed))


def facts(
    sysfs: Sysfs, machine: LinuxMachine, device: LinuxDevice, *, power_source: str
) -> CalibratedMachine:
    """Return what a description takes from Linux; `power_source` as in `DeviceState`."""
    state = device.state()
    names = [each.name for each in machine.batteries]
    design_v = sysfs.number(f'{SUPPLIES}/{names[0]}/voltage_min_design') * 1e-6 if names else 0.0
    rails = {
        RAIL: '+'.join(each.name for each in board_rails(machine.rails)),
        RAPL: 'cpu_packages',
    }
    return CalibratedMachine(
        model=machine.model,
        rail=rails.get(power_source, names[0] if names else 'supply'),
        temperatures=state.temperatures,
        battery=state.battery,
        battery_nominal_v=design_v
        if design_v > 0 or state.battery is None
        else state.battery.voltage_v,
    )
