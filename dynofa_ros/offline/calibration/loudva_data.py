# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read board measurements in the layout of LoudVA (github iloudaros/LoudVA).

The folder of a board holds, for one network served at increasing concurrency:

    performance/freqs/performance_measurements_freq_HZ.csv     one row per concurrency, times in us
    power/freqs/power_measurement_stats_freq_HZ.csv            one line `Mean: MILLIWATT` per row

and, if its power modes were measured too, the same under `modes` with `mode_N` for `freq_HZ`. The
frequency of a power mode is not recorded.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

# Time of a frame in the server [us]; LoudVA's mean latency is their sum.
SERVER_TIMES = (
    'Server Queue',
    'Server Compute Input',
    'Server Compute Infer',
    'Server Compute Output',
)
PERFORMANCE, POWER = 'performance_measurements_', 'power_measurement_stats_'
MIN_FREQUENCIES = 3  # a + b/f has two constants


@dataclass(frozen=True)
class LoudvaSample:
    """Measurement at one frequency or in one power mode."""

    name: str  # freq_HZ or mode_N
    frequency_hz: float  # NaN in a power mode
    latency_s: float  # mean latency of a frame at concurrency 1
    power_w: tuple[float, ...]  # mean board power by concurrency, from 1 upwards


def read_board(folder: Path) -> tuple[tuple[LoudvaSample, ...], tuple[LoudvaSample, ...]]:
    """Return the samples of a board by ascending frequency, and those of its power modes.

    Raises:
        ValueError: naming the folder or file, its fault and what is expected.
    """
    performance = folder / 'performance' / 'freqs'
    if not performance.is_dir():
        boards = sorted(each.parents[1].name for each in folder.glob('*/performance/freqs'))
        example = f', such as {folder / boards[0]}' if boards else ''
        raise ValueError(
            f'data {folder}: folder performance/freqs is missing; '
            f'expected the folder of one board{example}'
        )
    frequencies = sorted(_samples(folder, 'freq'), key=lambda each: each.frequency_hz)
    if len(frequencies) < MIN_FREQUENCIES:
        raise ValueError(
            f'data {performance}: {len(frequencies)} files '
            f'{PERFORMANCE}freq_HZ.csv; expected {MIN_FREQUENCIES} or more'
        )
    modes = sorted(_samples(folder, 'mode'), key=lambda each: each.name)
    return tuple(frequencies), tuple(modes)


def _samples(folder: Path, kind: str) -> list[LoudvaSample]:
    samples = []
    for file in (folder / 'performance' / f'{kind}s').glob(f'{PERFORMANCE}{kind}_*.csv'):
        name = file.stem.removeprefix(PERFORMANCE)
        samples.append(_sample(name, file, folder / 'power' / f'{kind}s' / f'{POWER}{name}.csv'))
    return samples


def _sample(name: str, performance: Path, power: Path) -> LoudvaSample:
    number = re.fullmatch(r'freq_([1-9][0-9]*)|mode_[0-9]+', name)
    if number is None:
        raise ValueError(
            f'{performance}: end of the name is {name!r}; '
            'expected freq_HZ, such as freq_114750000, or mode_N'
        )
    rows, latency_s = _rows_and_latency_s(performance)
    power_w = _power_w(power)
    if len(power_w) != rows:
        raise ValueError(
            f'{power}: {len(power_w)} lines "Mean:"; '
            f'expected {rows}, one for each row of {performance.name}'
        )
    frequency_hz = float(number[1]) if number[1] else math.nan
    return LoudvaSample(name, frequency_hz, latency_s, power_w)


def _rows_and_latency_s(file: Path) -> tuple[int, float]:
    """Return the number of rows and the mean latency of the first, concurrency 1 [s]."""
    rows = list(csv.DictReader(_lines(file)))
    if not rows:
        raise ValueError(f'{file}: no rows; expected a header and one row per concurrency')
    missing = [name for name in ('Concurrency', *SERVER_TIMES) if rows[0].get(name) is None]
    if missing:
        raise ValueError(f'{file}: column {missing[0]!r} is missing or empty in the first row')
    if rows[0]['Concurrency'].strip() != '1':
        raise ValueError(
            f'{file}: concurrency of the first row is {rows[0]["Concurrency"]!r}; expected 1'
        )
    latency_us = sum(_number(rows[0][name], f'{file}: {name}') for name in SERVER_TIMES)
    if not latency_us > 0:
        raise ValueError(f'{file}: latency at concurrency 1 is 0; expected above 0')
    return len(rows), latency_us * 1e-6


def _power_w(file: Path) -> tuple[float, ...]:
    powers_w = []
    for line in _lines(file):
        label, _, milliwatt = line.partition(':')
        if label.strip() != 'Mean':
            raise ValueError(f'{file}: line is {line!r}; expected "Mean: MILLIWATT"')
        power_w = _number(milliwatt, f'{file}: Mean') * 1e-3
        if not power_w > 0:
            raise ValueError(f'{file}: Mean is {milliwatt.strip()}; expected above 0')
        powers_w.append(power_w)
    return tuple(powers_w)


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text(encoding='utf-8').splitlines() if line.strip()]
    except OSError as error:
        raise ValueError(f'{file} cannot be read: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise ValueError(f'{file} is not a text file: {error.reason}') from error


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f'{name} is {text.strip()!r}; expected a number of at least 0')
    return value
