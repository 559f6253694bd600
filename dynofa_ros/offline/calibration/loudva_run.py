"""`dynofa fit-platform`: read, fit, state the errors, write the numbers."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from dynofa_ros.offline.calibration.loudva_data import read_board
from dynofa_ros.offline.calibration.loudva_fit import PlatformFit, fit_platform
from dynofa_ros.offline.calibration.yaml_update import fragment, update
from dynofa_ros.platform import Platform, load_platform

Errors = dict[str, float]


def run_fit(options: argparse.Namespace) -> dict[str, Any]:
    """Do what the options say; return the figures of the fit, for its table and its picture.

    Raises:
        ValueError: naming the file or option, what is wrong with it and what is allowed.
    """
    clocks, modes = read_board(options.data)
    fit = fit_platform(clocks, modes, flops=options.flops, layers=options.layers)
    errors = fit_errors(fit)
    board = options.data.resolve().name
    names = {
        'processor': options.processor,
        'source': options.source,
        'citation': _citation(fit, errors, board),
    }
    figures: dict[str, Any] = {
        'name': board,
        'constant_s': fit.constant_s,
        'cycles': fit.cycles,
        'clocks': [asdict(each) for each in fit.clocks],
        'modes': [asdict(each) for each in fit.modes],
        'errors': errors,
    }
    if options.platform is None:
        return figures | {'written': fragment(fit, **names)}
    changed = update(options.platform, fit, **names)
    described = load_platform(str(options.platform.resolve()))
    errors['latency, description'] = description_error(described, options.processor, fit)
    written = ''.join(f'  {path}\n' for path in changed)
    return figures | {
        'name': described.name,
        'written': f'{options.platform} has these numbers of the fit:\n{written}',
    }


def fit_errors(fit: PlatformFit) -> dict[str, Errors]:
    """Return median and largest relative error of what was fitted, over all clocks or modes."""
    clocks = fit.clocks
    errors = {
        'latency': _error((each.latency_s, each.measured_latency_s) for each in clocks),
        'latency, clock left out': _error(
            (each.left_out_latency_s, each.measured_latency_s) for each in clocks
        ),
        'power': _error((each.power_w, each.measured_power_w) for each in clocks),
        'power, clock left out': _error(
            (each.left_out_power_w, each.measured_power_w) for each in clocks
        ),
    }
    usual = [each for each in fit.modes if not each.power_is_outlier]
    if usual:
        errors['power, modes'] = _error((each.power_w, each.measured_power_w) for each in usual)
    return errors


def description_error(platform: Platform, processor: str, fit: PlatformFit) -> Errors:
    """Return the error of the latency that a description as it stands gives for this network."""
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
