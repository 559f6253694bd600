# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa fit-platform`: read measurements, fit, report errors, update the description."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dynofa_ros.offline.calibration.loudva_data import read_board
from dynofa_ros.offline.calibration.loudva_fit import PlatformFit, fit_platform
from dynofa_ros.offline.calibration.yaml_update import fragment, update
from dynofa_ros.platform import Platform, load_platform

Errors = dict[str, float]


def run_fit(
    *, data: Path, platform: Path | None, source: str, processor: str, flops: float, layers: int
) -> dict[str, Any]:
    """Fit `processor` to the board folder `data`; return the figures for the table and the plot.

    The fit is written to the description `platform`, as the numbers whose source is `source`;
    None: the figures hold a YAML fragment for a new description.

    Raises:
        ValueError: naming the file or option, its fault and what is expected.
    """
    clocks, modes = read_board(data)
    fit = fit_platform(clocks, modes, flops=flops, layers=layers)
    errors = fit_errors(fit)
    board = data.resolve().name
    citation = _citation(fit, errors, board)
    figures: dict[str, Any] = {
        'name': board,
        'constant_s': fit.constant_s,
        'cycles': fit.cycles,
        'clocks': [asdict(each) for each in fit.clocks],
        'modes': [asdict(each) for each in fit.modes],
        'errors': errors,
    }
    if platform is None:
        written = fragment(fit, processor=processor, source=source, citation=citation)
        return figures | {'written': written}
    changed = update(platform, fit, processor=processor, source=source, citation=citation)
    description = load_platform(str(platform.resolve()))
    errors['latency, description'] = description_error(description, processor, fit)
    paths = ''.join(f'  {path}\n' for path in changed)
    return figures | {
        'name': description.name,
        'written': f'{platform}: updated with the fit:\n{paths}',
    }


def fit_errors(fit: PlatformFit) -> dict[str, Errors]:
    """Return the median and largest relative error of each fitted quantity."""
    clocks = fit.clocks
    modes = [each for each in fit.modes if not each.power_is_outlier]
    pairs = {
        'latency': [(each.latency_s, each.measured_latency_s) for each in clocks],
        'latency, clock left out': [
            (each.left_out_latency_s, each.measured_latency_s) for each in clocks
        ],
        'power': [(each.power_w, each.measured_power_w) for each in clocks],
        'power, clock left out': [
            (each.left_out_power_w, each.measured_power_w) for each in clocks
        ],
        'power, modes': [(each.power_w, each.measured_power_w) for each in modes],
    }
    return {name: _error(each) for name, each in pairs.items() if each}


def description_error(platform: Platform, processor: str, fit: PlatformFit) -> Errors:
    """Return the latency error of an existing description for the measured network."""
    model = platform.processor(processor).latency
    return _error(
        (fit.latency_s(each.frequency_hz, model), each.measured_latency_s) for each in fit.clocks
    )


def _error(pairs: Iterable[tuple[float, float]]) -> Errors:
    errors = [abs(modelled / measured - 1) for modelled, measured in pairs]
    return {'median': float(np.median(errors)), 'largest': float(max(errors))}


def _citation(fit: PlatformFit, errors: dict[str, Errors], board: str) -> str:
    return (
        f'dynofa fit-platform on {board} of LoudVA (github iloudaros/LoudVA, MIT), '
        f'{len(fit.clocks)} clocks, concurrency 1, a network of {fit.flops / 1e9:.4g} GFLOP and '
        f'{fit.layers} layers; a = {fit.constant_s * 1e3:.2f} ms, '
        f'b = {fit.cycles * 1e-6:.2f} s MHz; median error of latency '
        f'{errors["latency"]["median"]:.1%}, of power with each clock left out '
        f'{errors["power, clock left out"]["median"]:.1%}'
    )
