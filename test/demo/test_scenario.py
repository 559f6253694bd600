# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import itertools
import math

import pytest

from dynofa_ros.demo.scenario import (
    ACTS,
    PREPARATION_S,
    DemoScenario,
    accuracy_floor,
    deadline_s,
    latencies_s,
)
from dynofa_ros.platform import load_platform

GPU = 'gpu'


@pytest.fixture(scope='module')
def platform():
    return load_platform('jetson_xavier_nx')


def test_the_acts_fill_the_duration_without_a_gap():
    phases = DemoScenario(60).phases
    assert phases[0].start_s == 0
    assert phases[-1].end_s == pytest.approx(60)
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(phases))


@pytest.mark.parametrize('time_s', [0.0, 12.0, 59.9, 61.0])
def test_there_is_an_act_at_any_time(time_s):
    assert DemoScenario(60).act(time_s) in ACTS


@pytest.mark.parametrize('slower', [1, 10])
def test_the_deadline_tightens_and_relaxes_for_any_model(slower):
    latencies = [0.03 * slower, 0.06 * slower]
    deadlines = [deadline_s(latencies, rank=act.deadline_rank, slowdown=1) for act in ACTS]
    assert deadlines[1] < deadlines[0]
    assert deadlines[2] > deadlines[1]


@pytest.mark.parametrize('slower', [1, 10])
def test_some_sub_network_meets_the_deadline_in_every_act(slower, platform):
    latencies = [0.03 * slower, 0.06 * slower]
    for act in ACTS:
        slowdown = platform.slowdown(processor=GPU, co_runner_utilisation=act.co_runner_utilisation)
        deadline = deadline_s(latencies, rank=act.deadline_rank, slowdown=slowdown)
        assert slowdown * latencies[0] + PREPARATION_S < deadline


@pytest.mark.parametrize('act', ['tight deadline', 'competitor'])
def test_the_slowest_sub_network_misses_tight_deadlines(act, platform):
    latencies = [0.03, 0.06]
    [chosen] = [each for each in ACTS if each.name == act]
    slowdown = platform.slowdown(processor=GPU, co_runner_utilisation=chosen.co_runner_utilisation)
    deadline = deadline_s(latencies, rank=chosen.deadline_rank, slowdown=slowdown)
    assert slowdown * latencies[1] > deadline


def test_latencies_are_at_the_highest_frequency(model, platform):
    highest_hz = platform.domains[GPU].frequencies_hz[-1]
    expected = [
        platform.latency_s(
            processor=GPU, frequency_hz=highest_hz, flops=k.flops, layers=k.layers, threads=1
        )
        for k in model.kept
    ]
    assert latencies_s(model.kept, platform, GPU) == expected


@pytest.mark.parametrize('seconds', [0, -1, 14.9, 1e9, math.nan])
def test_a_duration_out_of_range_is_refused(seconds):
    with pytest.raises(ValueError, match='expected 15 to 3600'):
        DemoScenario(seconds)


def test_the_accuracy_floor_is_a_fraction_of_the_range():
    assert accuracy_floor([0.6, 0.8], 0.5) == pytest.approx(0.7)
