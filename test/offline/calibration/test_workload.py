# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The workload runs real sub-networks on the cores of its domain."""

import os

import pytest

from dynofa_ros.offline.calibration.sweep import spread_frequencies
from dynofa_ros.offline.calibration.workload import EngineWorkload


@pytest.fixture
def workload(model_folder):
    return EngineWorkload(str(model_folder), 'torch')


def test_it_runs_the_smallest_a_middle_and_the_largest_on_one_thread_and_on_all(workload):
    core = min(os.sched_getaffinity(0))
    with workload.on('cpu', (core, core)) as tasks:
        assert [(each.subnet_id, each.threads) for each in tasks] == [
            (name, threads) for threads in (1, 2) for name in ('small', 'middle', 'large')
        ]
        assert [each.run().shape for each in tasks] == [(10,)] * 6


def test_the_tasks_differ_in_operations_per_layer(workload):
    with workload.on('cpu', (min(os.sched_getaffinity(0)),)) as tasks:
        assert len({each.flops / each.layers for each in tasks}) == 3


def test_affinity_is_limited_within_the_context_only(workload):
    before = os.sched_getaffinity(0)
    with workload.on('cpu', (min(before),)):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_the_name_includes_the_engine(workload):
    with workload.on('cpu', (min(os.sched_getaffinity(0)),)):
        assert 'torch' in workload.name


def test_a_processor_without_an_engine_is_rejected(workload):
    with (
        pytest.raises(ValueError, match="processor is 'npu'; no engine runs there"),
        workload.on('npu', ()),
    ):
        pass


def test_an_unknown_engine_is_rejected(model_folder):
    with pytest.raises(ValueError, match='openvino'):
        EngineWorkload(str(model_folder), 'none_such')


@pytest.mark.parametrize(
    ('frequencies', 'count', 'expected'),
    [
        ((1.0, 2.0, 3.0), 12, (1.0, 2.0, 3.0)),
        ((3.0, 1.0, 2.0), 2, (1.0, 3.0)),
        (tuple(map(float, range(1, 42))), 5, (1.0, 11.0, 21.0, 31.0, 41.0)),
        ((1.0, 8.0, 9.0, 10.0), 3, (1.0, 8.0, 10.0)),
        ((1.0,), 12, (1.0,)),
    ],
)
def test_frequencies_are_spread_evenly_with_both_ends(frequencies, count, expected):
    assert spread_frequencies(frequencies, count) == expected
