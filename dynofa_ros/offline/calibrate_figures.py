"""The figures of a calibration, for its table, its picture and a file."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dynofa_ros.offline.calibrate_fit import Timing, latency_s
from dynofa_ros.offline.calibrate_power_table import Calibrated


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
