# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The shipped Jetsons have the constants that `dynofa fit-platform` fits to LoudVA."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest

from dynofa_ros.offline.calibration.loudva_data import read_board
from dynofa_ros.offline.calibration.loudva_fit import PlatformFit, fit_platform
from dynofa_ros.offline.calibration.loudva_run import description_error, fit_errors, run_fit
from dynofa_ros.platform import load_platform
from dynofa_ros.share import share_path

BOARDS = {'jetson_xavier_nx': 'xavier-nx-00', 'jetson_agx_xavier': 'agx-xavier-00'}
INCEPTION_V3 = {'flops': 11.43e9, 'layers': 95}
GOAL = 0.05


@pytest.fixture(scope='module', params=BOARDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope='module')
def folder(name: str, shared_data: Path) -> Path:
    return shared_data / 'jetson_loudva' / BOARDS[name]


@pytest.fixture(scope='module')
def fit(folder: Path) -> PlatformFit:
    return fit_platform(*read_board(folder), **INCEPTION_V3)


def run(folder: Path, file: Path) -> dict[str, Any]:
    return run_fit(data=folder, platform=file, source='loudva_fit', processor='gpu', **INCEPTION_V3)


@pytest.mark.parametrize('quantity', ['latency', 'power'])
@pytest.mark.parametrize('how', ['', ', clock left out'])
def test_the_median_error_over_all_clocks_is_at_most_5_percent(
    fit: PlatformFit, quantity: str, how: str
) -> None:
    assert fit_errors(fit)[f'{quantity}{how}']['median'] <= GOAL


def test_no_latency_is_off_by_more_than_5_percent(fit: PlatformFit) -> None:
    errors = fit_errors(fit)
    assert errors['latency']['largest'] <= GOAL
    assert errors['latency, clock left out']['largest'] <= GOAL


def test_powers_and_latencies_agree_with_the_summary_of_loudva(folder: Path) -> None:
    clocks, _ = read_board(folder)
    for clock in clocks:
        file = folder / 'energy' / 'freqs' / f'energy_calculated_{clock.name}.csv'
        with file.open() as rows:
            first = list(csv.reader(rows))[1]
        assert clock.power_w[0] == pytest.approx(float(first[1]))
        assert clock.latency_s == pytest.approx(float(first[2]))


def test_every_frequency_of_the_description_was_measured(name: str, folder: Path) -> None:
    clocks, _ = read_board(folder)
    listed = load_platform(name).domains['gpu'].frequencies_hz
    assert listed == tuple(each.frequency_hz for each in clocks)


def test_the_command_reproduces_the_shipped_description(
    name: str, folder: Path, tmp_path: Path
) -> None:
    shipped = share_path(f'config/platforms/{name}.yaml')
    copy = Path(shutil.copy(shipped, tmp_path))
    run(folder, copy)
    assert copy.read_text() == shipped.read_text()


def test_with_fitted_overheads_a_description_reproduces_the_measured_latency(
    name: str, folder: Path, tmp_path: Path, fit: PlatformFit
) -> None:
    """The shipped overheads are those of eager PyTorch; here they come from the fit."""
    lines = share_path(f'config/platforms/{name}.yaml').read_text().splitlines()
    gpu = lines.index('  gpu:', lines.index('processors:'))
    start = lines.index('    latency:', gpu)
    end = next(i for i in range(start, len(lines)) if 'flop_per_cycle' in lines[i])
    overheads = ('overhead_s_per_layer', 'overhead_cycles_per_layer')
    lines[start + 1 : end] = [f'      {key}: {{value: 1, source: loudva_fit}}' for key in overheads]
    file = tmp_path / 'served.yaml'
    file.write_text('\n'.join(lines) + '\n')
    run(folder, file)
    assert description_error(load_platform(str(file)), 'gpu', fit)['median'] <= GOAL


def outliers(folder: Path) -> list[str]:
    fit = fit_platform(*read_board(folder), **INCEPTION_V3)
    clocks = [f'{each.frequency_hz:.0f} Hz' for each in fit.clocks if each.power_is_outlier]
    return clocks + [each.name for each in fit.modes if each.power_is_outlier]


def test_two_powers_of_the_nx_are_outliers(shared_data: Path) -> None:
    loudva = shared_data / 'jetson_loudva'
    assert outliers(loudva / BOARDS['jetson_xavier_nx']) == ['114750000 Hz', 'mode_0']
    assert outliers(loudva / BOARDS['jetson_agx_xavier']) == []


def test_the_power_modes_of_the_nx_confirm_its_table(shared_data: Path) -> None:
    """Eight of its nine modes, which the fit does not use."""
    board = shared_data / 'jetson_loudva' / BOARDS['jetson_xavier_nx']
    clocks, modes = read_board(board)
    fit = fit_platform(clocks, modes, **INCEPTION_V3)
    assert len(modes) == 9
    assert fit_errors(fit)['power, modes']['median'] <= GOAL


def test_idle_power_is_below_every_measured_power(name: str, folder: Path) -> None:
    clocks, _ = read_board(folder)
    assert load_platform(name).idle_power_w < min(min(each.power_w) for each in clocks)
