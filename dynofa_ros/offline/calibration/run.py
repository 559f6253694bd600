"""`dynofa platform calibrate`: measure this machine, fit, write its description."""

from __future__ import annotations

import argparse
import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dynofa_ros.atomic_file import check_writable, write_json
from dynofa_ros.offline.calibration.co_runner import always_busy
from dynofa_ros.offline.calibration.cooldown import Cooling
from dynofa_ros.offline.calibration.description import Calibrated, CalibratedMachine, describe
from dynofa_ros.offline.calibration.latency_fit import Timing, latency_s
from dynofa_ros.offline.calibration.machine import CoRunners, MachineCalibration, facts
from dynofa_ros.offline.calibration.sweep import Bench
from dynofa_ros.offline.calibration.workload import EngineWorkload, Workload
from dynofa_ros.offline.calibration.yaml_update import write_description
from dynofa_ros.offline.profiling.run import say_if_busy
from dynofa_ros.platform import Platform, load_platform
from dynofa_ros.platform.linux import LinuxDevice, LinuxMachine, Sysfs
from dynofa_ros.platform.linux.power_meter import PowerMeter
from dynofa_ros.platform.linux.record import default_record_file


def processor_figures(each: Calibrated) -> dict[str, Any]:
    """Return everything that is known of a processor."""
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


def _timing_figures(each: Calibrated, timing: Timing) -> dict[str, Any]:
    """Return a timing, and the a + b/f that was fitted to its sub-network on its threads."""
    fitted_s = latency_s(each.fit.model, timing)
    constant_s = timing.layers * each.fit.model.overhead_s_per_layer
    cycles = (fitted_s - constant_s) * timing.frequency_hz
    return asdict(timing) | {'fitted_s': fitted_s, 'constant_s': constant_s, 'cycles': cycles}


BASES = {
    'orin nano': 'jetson_orin_nano',
    'xavier nx': 'jetson_xavier_nx',
    'agx xavier': 'jetson_agx_xavier',
    'raspberry pi': 'raspberry_pi_5',
}
"""By a part of the board's name; else by the architecture."""
POOR = 0.25
"""Largest relative error from which on a fit is called poor (assumed)."""


def run_calibration(
    options: argparse.Namespace,
    *,
    sysfs: Sysfs | None = None,
    workload: Workload | None = None,
    co_runners: CoRunners = always_busy,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[str, Any]:
    """Do what the options say; return the figures, for the table and the picture.

    Raises:
        ValueError: naming the option, file or clock that is wrong, and what helps.
    """
    for file in filter(None, (options.output, options.json, options.picture)):
        check_writable(file)
    sysfs = sysfs or Sysfs()
    machine = LinuxMachine.discover(sysfs)
    base = load_platform(options.base or default_base(machine))
    say_if_busy()
    workload = workload or EngineWorkload(options.model, options.engine)
    with _opened(sysfs, machine, options.state_file, clock) as device:
        cooling = Cooling(
            device,
            longest_s=options.cool_seconds,
            throttle_c=lambda zone: (
                base.thermal_zones[zone].throttle_c if zone in base.thermal_zones else math.nan
            ),
            clock=clock,
            sleep=sleep,
            say=_print,
        )
        meter = PowerMeter(sysfs, machine, clock=clock)
        bench = Bench(
            device,
            meter=meter,
            cooling=cooling,
            seconds=options.seconds,
            clock=clock,
            sleep=sleep,
        )
        calibration = MachineCalibration(
            bench, device, sysfs, workload=workload, co_runners=co_runners, say=_print
        )
        processors = calibration.run(options.domain, count=options.clocks)
        found = facts(sysfs, machine, device, power_source=meter.source)
    return _written(options, processors, found, base, workload.name, meter.detail)


def default_base(machine: LinuxMachine) -> str:
    """Return the shipped description that is most like a machine."""
    for part, name in BASES.items():
        if part in machine.model.lower():
            return name
    return 'raspberry_pi_5' if machine.architecture == 'aarch64' else 'generic_x86'


@contextmanager
def _opened(
    sysfs: Sysfs, machine: LinuxMachine, record_file: Path | None, clock: Callable[[], float]
) -> Iterator[LinuxDevice]:
    """Open the machine; put its clocks back at the end, and after Ctrl-C and SIGTERM."""
    ending = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in ending}
    device = LinuxDevice(
        sysfs,
        machine,
        name=machine.model,
        record_file=record_file or default_record_file(),
        clock=clock,
    )
    if device.left_by_another.done:
        _print(f'a process that died had left clocks turned: {device.left_by_another}')
    for number in ending:
        signal.signal(number, signal.default_int_handler)
    try:
        yield device
    finally:
        for number in ending:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not cut this short
        try:
            _print(str(device.restore_frequencies()))
            device.close()
        finally:
            for number in ending:
                signal.signal(number, before[number])


def _written(
    options: argparse.Namespace,
    processors: Sequence[Calibrated],
    machine: CalibratedMachine,
    base: Platform,
    ran: str,
    power_detail: str,
) -> dict[str, Any]:
    """Write description and figures; return the figures."""
    powers_known = all(each.powers_w for each in processors)
    if not powers_known:
        _print(f'{power_detail}: all powers are those of {base.name}, assumed')
    fits = '; '.join(
        f'{each.name} at {len(each.clocks)} clock{"s" * (len(each.clocks) > 1)}: {each.fit.text}'
        for each in processors
    )
    when = datetime.now(timezone.utc)
    for each in processors:
        if max(map(abs, each.fit.errors)) > POOR:
            _print(
                f'{each.name}: the fit is poor. Other programs may have been at work, or threads '
                'may hinder each other, which the model does not know'
            )
    citation = f'dynofa platform calibrate on {machine.model}, {when:%Y-%m-%d}, {ran}; {fits}'
    text = describe(
        options.output.stem,
        processors,
        machine,
        base=base,
        citation=citation,
        power_citation=f'{power_detail}, mean over the frames, nothing subtracted',
    )
    write_description(options.output.resolve(), text, what='as measured')
    figures = {
        'machine': machine.model,
        'measured': when.isoformat(timespec='seconds'),
        'ran': ran,
        'base': base.name,
        'power': power_detail if powers_known else f'assumed: that of {base.name}',
        'power_is_measured': powers_known,
        'processors': [processor_figures(each) for each in processors],
        'written': str(options.output),
    }
    if options.json:
        write_json(options.json, figures)
    return figures


def _print(text: str) -> None:
    print(text, flush=True)
