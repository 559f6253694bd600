"""Read what was measured on one board, in the layout of LoudVA (github iloudaros/LoudVA).

The folder of a board holds, of a network that is served at rising concurrency:

    performance/freqs/performance_measurements_freq_HZ.csv     one row per concurrency, times in us
    power/freqs/power_measurement_stats_freq_HZ.csv            one line `Mean: MILLIWATT` per row

and, if its power modes were measured too, the same under `modes` with `mode_N` for `freq_HZ`. A
power mode says nothing of its clock.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

# What a frame spends in the server; LoudVA's mean latency is their sum. Microseconds.
SERVER_TIMES = (
    'Server Queue',
    'Server Compute Input',
    'Server Compute Infer',
    'Server Compute Output',
)
PERFORMANCE, POWER = 'performance_measurements_', 'power_measurement_stats_'
LEAST_CLOCKS = 3  # a + b/f has two constants


@dataclass(frozen=True)
class LoudvaSample:
    """What was measured at one clock or in one power mode."""

    name: str  # freq_HZ or mode_N
    frequency_hz: float  # NaN in a power mode
    latency_s: float  # mean latency of a frame at concurrency 1
    power_w: tuple[float, ...]  # mean power of the board; concurrency 1 first, rising


def read_board(folder: Path) -> tuple[tuple[LoudvaSample, ...], tuple[LoudvaSample, ...]]:
    """Return what was measured on a board: by clock, ascending, and in its power modes.

    Raises:
        ValueError: naming the folder or file, what is wrong with it and what is allowed.
    """
    if not (folder / 'performance' / 'freqs').is_dir():
        boards = sorted(each.parents[1].name for each in folder.glob('*/performance/freqs'))
        one_of = f', such as {folder / boards[0]}' if boards else ''
        raise ValueError(
            f'data {folder}: it has no folder performance/freqs; '
            f'expected the folder of one board{one_of}'
        )
    clocks = sorted(_read(folder, 'freq'), key=lambda each: each.frequency_hz)
    if len(clocks) < LEAST_CLOCKS:
        raise ValueError(
            f'data {folder / "performance" / "freqs"}: {len(clocks)} files '
            f'{PERFORMANCE}freq_HZ.csv; expected {LEAST_CLOCKS} or more'
        )
    modes = sorted(_read(folder, 'mode'), key=lambda each: each.name)
    return tuple(clocks), tuple(modes)


def _read(folder: Path, kind: str) -> list[LoudvaSample]:
    found = []
    for file in (folder / 'performance' / f'{kind}s').glob(f'{PERFORMANCE}{kind}_*.csv'):
        name = file.stem.removeprefix(PERFORMANCE)
        power = folder / 'power' / f'{kind}s' / f'{POWER}{name}.csv'
        found.append(_measured(name, file, power))
    return found


def _measured(name: str, performance: Path, power: Path) -> LoudvaSample:
    number = re.fullmatch(r'freq_([1-9][0-9]*)|mode_[0-9]+', name)
    if number is None:
        raise ValueError(
            f'{performance}: its name ends with {name!r}; '
            'expected freq_HZ, such as freq_114750000, and mode_N'
        )
    rows, latency_s = _latency_s(performance)
    power_w = _power_w(power)
    if len(power_w) != rows:
        raise ValueError(
            f'{power}: {len(power_w)} lines "Mean:"; '
            f'expected {rows}, one for each row of {performance.name}'
        )
    frequency_hz = float(number[1]) if number[1] else math.nan
    return LoudvaSample(name, frequency_hz, latency_s, power_w)


def _latency_s(file: Path) -> tuple[int, float]:
    """Return the number of rows and the mean latency in the first, of concurrency 1 [s]."""
    rows = list(csv.DictReader(_lines(file)))
    if not rows:
        raise ValueError(f'{file}: it has no row; expected a header and a row for each concurrency')
    missing = [name for name in ('Concurrency', *SERVER_TIMES) if rows[0].get(name) is None]
    if missing:
        raise ValueError(f'{file}: column {missing[0]!r} is missing or empty in its first row')
    if rows[0]['Concurrency'].strip() != '1':
        raise ValueError(
            f'{file}: its first row is of concurrency {rows[0]["Concurrency"]!r}; expected 1'
        )
    latency_us = sum(_number(rows[0][name], f'{file}: {name}') for name in SERVER_TIMES)
    if not latency_us > 0:
        raise ValueError(f'{file}: the latency at concurrency 1 is 0; expected above 0')
    return len(rows), latency_us * 1e-6


def _power_w(file: Path) -> tuple[float, ...]:
    powers = []
    for line in _lines(file):
        label, _, milliwatt = line.partition(':')
        if label.strip() != 'Mean':
            raise ValueError(f'{file}: line {line!r}; expected lines "Mean: MILLIWATT"')
        power_w = _number(milliwatt, f'{file}: Mean') * 1e-3
        if not power_w > 0:
            raise ValueError(f'{file}: Mean is {milliwatt.strip()}; expected above 0')
        powers.append(power_w)
    return tuple(powers)


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text(encoding='utf-8').splitlines() if line.strip()]
    except OSError as error:
        raise ValueError(f'{file}: it cannot be read: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise ValueError(f'{file}: it is no text: {error.reason}') from error


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f'{where} is {text.strip()!r}; expected a number of at least 0')
    return value
