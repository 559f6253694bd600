# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa platform calibrate`: measure this machine, fit, write its description."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from dynofa_ros.atomic_file import check_writable, write_json
from dynofa_ros.offline.calibration.co_runner import busy_processes
from dynofa_ros.offline.calibration.cooldown import wait_until_cool
from dynofa_ros.offline.calibration.description import ProcessorCalibration, describe
from dynofa_ros.offline.calibration.latency_fit import Timing
from dynofa_ros.offline.calibration.machine import CoRunners, MachineCalibration, machine_facts
from dynofa_ros.offline.calibration.sweep import Bench
from dynofa_ros.offline.calibration.workload import EngineWorkload, Workload
from dynofa_ros.offline.calibration.yaml_update import write_description
from dynofa_ros.offline.profiling.run import warn_if_busy
from dynofa_ros.platform import load_platform
from dynofa_ros.platform.linux import LinuxDevice, LinuxMachine, Sysfs
from dynofa_ros.platform.linux.power_meter import PowerMeter
from dynofa_ros.platform.linux.restore import default_state_file

BASES = {
    'orin nano': 'jetson_orin_nano',
    'xavier nx': 'jetson_xavier_nx',
    'agx xavier': 'jetson_agx_xavier',
    'raspberry pi': 'raspberry_pi_5',
}
"""Shipped description by a part of the board's name; otherwise by the architecture."""
POOR_ERROR = 0.25
"""A fit with a larger relative error is reported as poor (assumed)."""

_log = partial(print, flush=True)


@dataclass(frozen=True)
class CalibrationOptions:
    """Options of `dynofa platform calibrate`; raises ValueError for those out of range.

    None: not written, or chosen automatically.
    """

    output: Path
    picture: Path | None = None
    json: Path | None = None
    base: str | None = None
    domain: Sequence[str] | None = None
    clocks: int = 12
    seconds: float = 4.0
    cool_seconds: float = 300.0
    model: str = 'ofa_mbv3_cifar10'
    engine: str = 'auto'
    state_file: Path | None = None

    def __post_init__(self) -> None:
        for name in ('seconds', 'cool_seconds'):
            if not 0 < (value := getattr(self, name)) < math.inf:
                raise ValueError(f'{name.replace("_", "-")} is {value!r}; expected above 0')
        if self.clocks < 2:
            raise ValueError(
                f'clocks is {self.clocks}; expected at least 2, the lowest and the highest'
            )


def run_calibration(
    options: CalibrationOptions,
    *,
    sysfs: Sysfs | None = None,
    workload: Workload | None = None,
    co_runners: CoRunners = busy_processes,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[str, Any]:
    """Calibrate this machine and write its description; return figures for table and plot.

    Raises:
        ValueError: naming the option, file or domain at fault, and the remedy.
    """
    for file in filter(None, (options.output, options.json, options.picture)):
        check_writable(file)
    sysfs = sysfs or Sysfs()
    machine = LinuxMachine.discover(sysfs)
    base = load_platform(options.base or default_base(machine))
    warn_if_busy()
    workload = workload or EngineWorkload(options.model, options.engine)
    with _device(sysfs, machine, options.state_file, clock) as device:
        meter = PowerMeter(sysfs, machine, clock=clock)
        bench = Bench(
            device,
            meter=meter,
            wait_until_cool=partial(
                wait_until_cool,
                device,
                max_wait_s=options.cool_seconds,
                throttle_c=lambda zone: (
                    base.thermal_zones[zone].throttle_c if zone in base.thermal_zones else math.nan
                ),
                clock=clock,
                sleep=sleep,
                log=_log,
            ),
            seconds=options.seconds,
            clock=clock,
            sleep=sleep,
        )
        calibration = MachineCalibration(bench, sysfs, workload, co_runners, _log)
        processors = calibration.run(options.domain, count=options.clocks)
        facts = machine_facts(sysfs, machine, device, power_source=meter.source)
    for each in processors:
        if max(map(abs, each.fit.errors)) > POOR_ERROR:
            _log(
                f'{each.name}: the fit is poor. Other programs may have been running, or the '
                "engine's threads may slow each other down, which the model does not include"
            )
    power_is_measured = all(each.powers_w for each in processors)
    if not power_is_measured:
        _log(f'{meter.detail}: all powers are those of {base.name}, assumed')
    now = datetime.now(timezone.utc)
    fits = '; '.join(
        f'{each.name} at {len(each.clocks)} '
        f'{"frequencies" if len(each.clocks) > 1 else "frequency"}: {each.fit.text}'
        for each in processors
    )
    text = describe(
        options.output.stem,
        processors,
        facts,
        base=base,
        citation=f'dynofa platform calibrate on {machine.model}, {now:%Y-%m-%d}, '
        f'{workload.name}; {fits}',
        power_citation=f'{meter.detail}, mean over the frames, idle included',
    )
    write_description(options.output.resolve(), text, what='as measured')
    figures = {
        'machine': machine.model,
        'measured': now.isoformat(timespec='seconds'),
        'ran': workload.name,
        'base': base.name,
        'power': meter.detail if power_is_measured else f'assumed: that of {base.name}',
        'power_is_measured': power_is_measured,
        'processors': [_processor_figures(each) for each in processors],
        'written': str(options.output),
    }
    if options.json:
        write_json(options.json, figures)
    return figures


def default_base(machine: LinuxMachine) -> str:
    """Return the shipped description that is most similar to a machine."""
    for part, name in BASES.items():
        if part in machine.model.lower():
            return name
    return 'raspberry_pi_5' if machine.architecture == 'aarch64' else 'generic_x86'


@contextmanager
def _device(
    sysfs: Sysfs, machine: LinuxMachine, state_file: Path | None, clock: Callable[[], float]
) -> Iterator[LinuxDevice]:
    """Open the device; restore its frequency settings at the end, on SIGINT and on SIGTERM."""
    signals = (signal.SIGINT, signal.SIGTERM)
    handlers = {number: signal.getsignal(number) for number in signals}
    device = LinuxDevice(
        sysfs,
        machine,
        name=machine.model,
        state_file=state_file or default_state_file(),
        clock=clock,
    )
    if device.restored_at_start.done:
        _log(f'frequency settings left behind by a crashed process: {device.restored_at_start}')
    for number in signals:
        signal.signal(number, signal.default_int_handler)
    try:
        yield device
    finally:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the restore
        try:
            _log(str(device.restore_frequencies()))
            device.close()
        finally:
            for number in signals:
                signal.signal(number, handlers[number])


def _processor_figures(each: ProcessorCalibration) -> dict[str, Any]:
    clocks = []
    for clock in each.clocks:
        row = asdict(clock) | {'power_w': clock.busy.power_w, 'idle_power_w': clock.idle.power_w}
        row['timings'] = [_timing_figures(each, timing) for timing in clock.timings]
        clocks.append({key: row[key] for key in row if key not in ('busy', 'idle')})
    return {
        'name': each.name,
        'domain': each.domain,
        'kind': each.kind,
        'cores': each.cores,
        'latency': asdict(each.fit.model),
        'contention': each.contention,
        'errors': each.fit.text,
        'relative_errors': list(each.fit.errors),
        'left_out_relative_errors': list(each.fit.left_out_errors),
        'clocks': clocks,
        'unreached': [asdict(clock) for clock in each.unreached],
    }


def _timing_figures(each: ProcessorCalibration, timing: Timing) -> dict[str, Any]:
    """Return a timing with a [s] and b [cycles] of the fitted a + b/f of its sub-network."""
    fitted_s = timing.predicted_s(each.fit.model)
    constant_s = timing.layers * each.fit.model.overhead_s_per_layer
    cycles = (fitted_s - constant_s) * timing.frequency_hz
    return asdict(timing) | {'fitted_s': fitted_s, 'constant_s': constant_s, 'cycles': cycles}
