# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from dynofa_ros.engine import EngineError, Measurement, create_engine
from dynofa_ros.offline.evaluation.selection import sample_candidates
from dynofa_ros.offline.search.latency import (
    SubnetLatencyModel,
    choose_timing_engine,
    fastest_latency_s,
    measure_latency,
)
from dynofa_ros.supernet.search_space import inverted_residual_space

SPACE = inverted_residual_space(
    kernel_sizes=(3, 5), expand_ratios=(3, 6), depths=(1, 2), resolutions=(20, 28), stages=2
)


def true_latency_s(config):
    return 1e-3 * sum(config.d) * config.r / 20 * (1 + sum(config.e) / 24)


def test_other_sub_networks_are_ranked_from_measured_ones():
    configs = sample_candidates(SPACE, count=60, seed=0)
    known, others = configs[:40], configs[40:]
    model = SubnetLatencyModel(SPACE, known, [true_latency_s(config) for config in known])
    truth = np.array([true_latency_s(config) for config in others])
    assert np.corrcoef(np.log(model(others)), np.log(truth))[0, 1] > 0.97


@pytest.mark.parametrize(
    ('latencies_s', 'message'),
    [
        ([0.1, 0.0], r'latency_s holds 0\.0; expected a finite number above 0'),
        ([0.1], '2 sub-networks with 1 latencies; expected as many'),
    ],
)
def test_invalid_latencies_are_refused(latencies_s, message):
    with pytest.raises(ValueError, match=message):
        SubnetLatencyModel(SPACE, sample_candidates(SPACE, count=2, seed=0), latencies_s)


def measurement(threads, latency_s):
    return Measurement('a', 'cpu', threads, 'float32', latency_s, 0.0, latency_s, 0)


@pytest.mark.parametrize('name', ['torch', 'onnxruntime'])
def test_each_sub_network_is_timed_at_each_number_of_threads(random_supernet, name):
    net = random_supernet()
    configs = sample_candidates(net.space, count=2, seed=0)
    measured = measure_latency(create_engine(name), net, configs, threads=(1, 2), rounds=3)
    assert [[m.threads for m in points] for points in measured] == [[1, 2], [1, 2]]
    assert [[m.subnet_id for m in points] for points in measured] == [
        [config.digest()] * 2 for config in configs
    ]
    assert all(m.latency_s > 0 for points in measured for m in points)


def test_an_engine_failure_is_raised(random_supernet):
    class Broken:
        name, version, processors = 'broken', '1', ('cpu',)

        def precision(self, network, processor):
            raise EngineError('broken cannot run it')

    net = random_supernet()
    with pytest.raises(EngineError, match='broken cannot run it'):
        measure_latency(Broken(), net, [net.space.min_config()], threads=(1,), rounds=3)


def test_an_engine_is_chosen_by_name(random_supernet):
    assert choose_timing_engine('torch', random_supernet(), threads=1).engine.name == 'torch'


def test_an_unknown_engine_is_refused(random_supernet):
    with pytest.raises(ValueError, match="engine is 'steam'; expected auto"):
        choose_timing_engine('steam', random_supernet(), threads=1)


def test_latencies_are_those_of_the_threads_that_are_fastest_overall():
    points = [[measurement(1, one), measurement(2, two)] for one, two in ((1.0, 2.0), (4.0, 2.0))]
    assert fastest_latency_s(points) == [2.0, 2.0]
