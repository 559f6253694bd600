# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Reported busy time is converted to utilisation, and conserved."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.platform import Platform, PlatformError, load_platform
from dynofa_ros.platform.simulated.occupancy import MAX_BACKLOG_S, LoadMeter

JETSON_GPU = load_platform('jetson_xavier_nx').processors['gpu']


@pytest.fixture
def gpu(machine: Platform) -> LoadMeter:
    return LoadMeter(machine.processors['gpu'])


@pytest.fixture
def cpu(machine: Platform) -> LoadMeter:
    return LoadMeter(machine.processors['cpu'])


def test_a_frame_of_40_ms_in_100_ms_is_a_utilisation_of_0_4(gpu: LoadMeter) -> None:
    gpu.add_busy(0.04, threads=1)
    assert gpu.period(0.1) == pytest.approx(0.4)
    assert gpu.period(0.1) == 0.0


def test_a_frame_longer_than_the_period_is_spread_over_several(gpu: LoadMeter) -> None:
    gpu.add_busy(0.25, threads=1)
    assert [gpu.period(0.1) for _ in range(4)] == pytest.approx([1.0, 1.0, 0.5, 0.0])


def test_one_thread_of_four_cores_is_a_quarter(cpu: LoadMeter) -> None:
    cpu.add_busy(0.1, threads=1)
    assert cpu.period(0.1) == pytest.approx(0.25)


def test_more_threads_than_cores_use_all_cores(cpu: LoadMeter) -> None:
    cpu.add_busy(0.1, threads=8)
    assert cpu.period(0.1) == pytest.approx(1.0)


def test_co_runners_count_without_frames(gpu: LoadMeter) -> None:
    gpu.co_runner_utilisation = 0.3
    assert gpu.period(0.1) == pytest.approx(0.3)


def test_waiting_for_co_runners_is_not_work(gpu: LoadMeter) -> None:
    gpu.co_runner_utilisation = 0.5
    gpu.add_busy(0.03, threads=1)
    assert gpu.period(0.1) == pytest.approx(0.5 + 0.3 / 1.5)


def test_two_applications_run_concurrently(cpu: LoadMeter) -> None:
    for app in ('front', 'rear'):
        cpu.add_busy(0.1, threads=1, app=app)
    assert [cpu.period(0.1) for _ in range(2)] == pytest.approx([0.5, 0.0])


def test_frames_of_one_application_run_one_after_the_other(cpu: LoadMeter) -> None:
    for _ in range(2):
        cpu.add_busy(0.1, threads=1, app='front')
    assert [cpu.period(0.1) for _ in range(3)] == pytest.approx([0.25, 0.25, 0.0])


def test_two_applications_that_wait_for_each_other_fill_the_processor_once(gpu: LoadMeter) -> None:
    for app in ('front', 'rear'):
        gpu.add_busy(0.1, threads=1, app=app, others=1.0)
    assert [gpu.period(0.1) for _ in range(2)] == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize('dt_s', [0.0, -0.1, math.nan])
def test_a_period_must_be_positive(gpu: LoadMeter, dt_s: float) -> None:
    with pytest.raises(PlatformError, match='dt_s'):
        gpu.period(dt_s)


def test_a_faulty_report_is_limited_to_the_largest_backlog(gpu: LoadMeter) -> None:
    gpu.add_busy(1e9, threads=1)
    assert gpu.period(MAX_BACKLOG_S) == 1.0
    assert gpu.period(0.1) == 0.0


@pytest.mark.parametrize('busy_s', [-0.1, math.nan, math.inf])
def test_impossible_busy_time_is_refused(gpu: LoadMeter, busy_s: float) -> None:
    with pytest.raises(PlatformError, match='busy_s'):
        gpu.add_busy(busy_s, threads=1)
    assert gpu.period(0.1) == 0.0


@pytest.mark.parametrize('utilisation', [-0.1, 1.1, math.nan])
def test_impossible_co_runners_are_refused(gpu: LoadMeter, utilisation: float) -> None:
    with pytest.raises(PlatformError, match='co_runner_utilisation'):
        gpu.co_runner_utilisation = utilisation
    assert gpu.co_runner_utilisation == 0.0


@given(frames_s=st.lists(st.floats(0, 0.3), max_size=10), period_s=st.floats(0.01, 1.0))
def test_without_co_runners_busy_time_is_conserved(frames_s: list[float], period_s: float) -> None:
    gpu = LoadMeter(JETSON_GPU)
    busy_s = 0.0
    for frame_s in frames_s:
        gpu.add_busy(frame_s, threads=1)
        utilisation = gpu.period(period_s)
        assert 0 <= utilisation <= 1
        busy_s += utilisation * period_s
    for _ in range(500):
        busy_s += gpu.period(period_s) * period_s
    assert busy_s == pytest.approx(sum(frames_s))
