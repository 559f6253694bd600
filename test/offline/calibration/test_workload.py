"""The sub-networks that a calibration runs are real, and stay on the cores of their domain."""

import os

import pytest

from dynofa_ros.offline.calibration.cooldown import CalibrationError
from dynofa_ros.offline.calibration.sweep import spread_clocks
from dynofa_ros.offline.calibration.workload import EngineWorkload


@pytest.fixture
def workload(model_folder):
    return EngineWorkload(str(model_folder), 'torch')


def test_it_runs_the_cheapest_the_dearest_and_one_between_on_one_thread_and_on_all(workload):
    core = min(os.sched_getaffinity(0))
    with workload.on('cpu', (core, core)) as tasks:
        assert [(each.subnet_id, each.threads) for each in tasks] == [
            (name, threads) for threads in (1, 2) for name in ('small', 'middle', 'large')
        ]
        assert [each.run().shape for each in tasks] == [(10,)] * 6


def test_what_differs_in_the_fit_differs_in_the_tasks(workload):
    with workload.on('cpu', (min(os.sched_getaffinity(0)),)) as tasks:
        assert len({each.flops / each.layers for each in tasks}) == 3


def test_it_stays_on_its_cores_and_no_longer_than_that(workload):
    before = os.sched_getaffinity(0)
    with workload.on('cpu', (min(before),)):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_it_says_what_ran(workload):
    with workload.on('cpu', (min(os.sched_getaffinity(0)),)):
        assert 'torch' in workload.name


def test_a_processor_that_no_engine_has_is_refused(workload):
    with (
        pytest.raises(ValueError, match="processor is 'npu'; no engine runs there"),
        workload.on('npu', ()),
    ):
        pass


def test_an_engine_that_there_is_not_is_refused(model_folder):
    with pytest.raises(ValueError, match='openvino'):
        EngineWorkload(str(model_folder), 'none_such')


@pytest.mark.parametrize(
    ('frequencies', 'count', 'chosen'),
    [
        ((1.0, 2.0, 3.0), 12, (1.0, 2.0, 3.0)),
        ((3.0, 1.0, 2.0), 2, (1.0, 3.0)),
        (tuple(map(float, range(1, 42))), 5, (1.0, 11.0, 21.0, 31.0, 41.0)),
        ((1.0, 8.0, 9.0, 10.0), 3, (1.0, 8.0, 10.0)),
        ((1.0,), 12, (1.0,)),
    ],
)
def test_of_many_clocks_some_are_chosen_evenly_with_both_ends(frequencies, count, chosen):
    assert spread_clocks(frequencies, count) == chosen


def test_one_clock_of_many_is_not_enough():
    with pytest.raises(CalibrationError, match='clocks is 1; expected at least 2'):
        spread_clocks((1.0, 2.0), 1)
