# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Select the frequency domains of a machine to calibrate, and calibrate their processors."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from dynofa_ros.engine import CPU
from dynofa_ros.offline.calibration.cooldown import CalibrationError
from dynofa_ros.offline.calibration.description import MachineFacts, ProcessorCalibration
from dynofa_ros.offline.calibration.latency_fit import fit_latency
from dynofa_ros.offline.calibration.sweep import Bench, spread_frequencies
from dynofa_ros.offline.calibration.workload import Task, Workload
from dynofa_ros.offline.console import reporting
from dynofa_ros.platform.device import RAIL, RAPL
from dynofa_ros.platform.linux import LinuxDevice, LinuxMachine, Sysfs
from dynofa_ros.platform.linux.batteries import SUPPLIES
from dynofa_ros.platform.linux.domain import LinuxDomain
from dynofa_ros.platform.linux.rails import board_rails

CoRunners = Callable[[int], AbstractContextManager[None]]
"""Runs a number of busy processes within its context."""


@dataclass(frozen=True)
class MachineCalibration:
    """Measures and fits the processors of a machine, one after another."""

    bench: Bench
    sysfs: Sysfs
    workload: Workload
    co_runners: CoRunners
    log: Callable[[str], object]

    def run(self, domains: Sequence[str] | None, *, count: int) -> list[ProcessorCalibration]:
        """Calibrate the named domains, default all, at up to `count` frequencies each.

        A machine without frequency control is measured at its fixed frequency.

        Raises:
            ValueError: for a domain that cannot be set or runs no network, if there is no domain,
                and where a fit is not possible.
        """
        if not self.bench.device.machine.domains:
            return [self._at_fixed_frequency(domains)]
        return [self._sweep(each, count) for each in self._selected(domains)]

    def _selected(self, wanted: Sequence[str] | None) -> list[LinuxDomain]:
        """Return the wanted domains, default all that can be set and run networks."""
        domains = {each.name: each for each in self.bench.device.machine.domains}
        runnable = {name for name, each in domains.items() if each.kind in self.workload.kinds}
        obstacles = {
            name: self.bench.device.reason_not_settable(name)
            for name in (*domains, *(wanted or ()))
        }
        for name in wanted or ():
            if name in domains and name not in runnable:
                raise CalibrationError(
                    f'domain is {name!r}; no network runs there; '
                    f'expected {", ".join(sorted(runnable))}'
                )
            if obstacles[name]:
                raise CalibrationError(obstacles[name])
        selected = [
            name for name in domains if name in (wanted or runnable) and not obstacles[name]
        ]
        if not selected:
            reasons = '; '.join(obstacles[name] for name in domains if name in runnable)
            raise CalibrationError(
                'no frequency can be set: '
                f'{reasons or "no network runs on a processor with a known frequency"}'
            )
        for name in sorted(runnable - set(selected)) if not wanted else ():
            self.log(f'{name} is left out: {obstacles[name]}')
        return [domains[name] for name in selected]

    def _sweep(self, domain: LinuxDomain, count: int) -> ProcessorCalibration:
        reading = self.bench.device.state().domains[domain.name]
        frequencies_hz = spread_frequencies(reading.available_frequencies_hz, count)
        cores = _usable_cores(domain)
        with self.workload.on(domain.kind, cores) as tasks:
            with reporting('frequency', len(frequencies_hz)) as report:
                measured, unreached = self.bench.sweep(domain.name, frequencies_hz, tasks, report)
            contention = self._contention(domain.kind, cores, tasks)
        for each in unreached:
            self.log(
                f'{domain.name} {each.frequency_hz / 1e6:g} MHz is left out: it ran at {each.why}'
            )
        if not measured:
            raise CalibrationError(f'{domain.name} reached none of the requested frequencies')
        return ProcessorCalibration(
            name=reading.processors[-1],
            domain=domain.name,
            kind=domain.kind,
            cores=len(cores) if domain.kind == CPU else 1,
            frequencies_hz=domain.frequencies_hz,
            clocks=tuple(measured),
            unreached=tuple(unreached),
            fit=fit_latency([timing for each in measured for timing in each.timings]),
            contention=contention,
        )

    def _contention(self, kind: str, cores: tuple[int, ...], tasks: Sequence[Task]) -> float:
        """Return the contention of the CPU; NaN for others, which co-runners do not load."""
        if kind != CPU:
            return math.nan
        return self.bench.contention(tasks, co_runners=self.co_runners(len(cores)))

    def _at_fixed_frequency(self, wanted: Sequence[str] | None) -> ProcessorCalibration:
        """Measure the CPU of a machine without frequency control."""
        if wanted and list(wanted) != [CPU]:
            raise CalibrationError(
                f'domain is {" ".join(wanted)!r}; this machine has no frequency control; '
                f'expected {CPU}'
            )
        frequency_hz = _cpuinfo_hz(self.sysfs)
        self.log(
            'this machine has no frequency control: measuring at its fixed frequency, '
            f'{frequency_hz / 1e6:g} MHz according to /proc/cpuinfo'
        )
        cores = tuple(sorted(os.sched_getaffinity(0)))
        with self.workload.on(CPU, cores) as tasks:
            measured = self.bench.measure(frequency_hz, tasks)
            contention = self._contention(CPU, cores, tasks)
        return ProcessorCalibration(
            name=CPU,
            domain=CPU,
            kind=CPU,
            cores=len(cores),
            frequencies_hz=(frequency_hz,),
            clocks=(measured,),
            unreached=(),
            fit=fit_latency(measured.timings),
            contention=contention,
        )


def _cpuinfo_hz(sysfs: Sysfs) -> float:
    for line in sysfs.text('/proc/cpuinfo').splitlines():
        field, _, value = line.partition(':')
        if field.strip() == 'cpu MHz':
            return float(value) * 1e6
    raise CalibrationError(
        'this machine has no frequency control, and /proc/cpuinfo does not state its frequency; '
        'expected a machine with cpufreq or devfreq (see `dynofa platform`)'
    )


def _usable_cores(domain: LinuxDomain) -> tuple[int, ...]:
    """Return the cores of a domain that this process may use; all usable cores for a GPU."""
    allowed = os.sched_getaffinity(0)
    cores = tuple(core for core in domain.cores if core in allowed)
    if domain.cores and not cores:
        raise CalibrationError(f'{domain.name}: this process may not use any of its cores')
    return cores or tuple(sorted(allowed))


def machine_facts(
    sysfs: Sysfs, machine: LinuxMachine, device: LinuxDevice, *, power_source: str
) -> MachineFacts:
    """Return what a description takes from Linux; `power_source` as in `DeviceState`."""
    state = device.state()
    names = [each.name for each in machine.batteries]
    design_v = sysfs.number(f'{SUPPLIES}/{names[0]}/voltage_min_design') * 1e-6 if names else 0.0
    rails = {
        RAIL: '+'.join(each.name for each in board_rails(machine.rails)),
        RAPL: 'cpu_packages',
    }
    return MachineFacts(
        model=machine.model,
        rail=rails.get(power_source, names[0] if names else 'supply'),
        temperatures=state.temperatures,
        battery=state.battery,
        battery_nominal_v=design_v
        if design_v > 0 or state.battery is None
        else state.battery.voltage_v,
    )
