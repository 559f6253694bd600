# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from dynofa_ros.nodes.perception.frame_model import FrameModel
from dynofa_ros.platform import PlatformError, load_platform
from dynofa_ros.supernet import SubnetConfig, SubnetRecord

SUBNET = SubnetRecord(
    'x', SubnetConfig(ks=(3,), e=(3,), d=(2,), r=20), 0.5, 50_000_000, 1_000_000, 60
)


@pytest.fixture(scope='module')
def platform():
    return load_platform('jetson_xavier_nx')


@pytest.fixture(scope='module')
def lowest_hz(platform):
    return {name: domain.frequencies_hz[0] for name, domain in platform.domains.items()}


@pytest.fixture
def model(platform):
    """A model without jitter."""
    return FrameModel(platform, seed=0, jitter=0.0)


def set_domain(model, frequency_hz=math.nan, co_runner_utilisation=0.0, domain='gpu'):
    model.set_domain(domain, frequency_hz=frequency_hz, co_runner_utilisation=co_runner_utilisation)


def gpu_frame(model):
    return model.frame(SUBNET, processor='gpu', threads=1)


def test_it_starts_at_the_highest_frequency(model, platform):
    assert model.frequency_hz('gpu') == platform.domains['gpu'].frequencies_hz[-1]


def test_the_inference_time_is_that_of_the_platform(model, platform):
    latency_s = platform.latency_s(
        processor='cpu',
        frequency_hz=platform.domains['cpu'].frequencies_hz[-1],
        flops=SUBNET.flops,
        layers=SUBNET.layers,
        threads=4,
    )
    assert model.frame(SUBNET, processor='cpu', threads=4).inference_s == latency_s


def test_a_frame_takes_longer_at_a_lower_frequency(model, lowest_hz):
    before = gpu_frame(model).inference_s
    set_domain(model, lowest_hz['gpu'])
    assert model.frequency_hz('gpu') == lowest_hz['gpu']
    assert gpu_frame(model).inference_s > before


@pytest.mark.parametrize('domain', ['cpu', 'npu'])
def test_other_and_unknown_domains_do_not_affect_a_frame(model, lowest_hz, domain):
    before = gpu_frame(model)
    set_domain(model, lowest_hz.get(domain, 1e9), domain=domain)
    assert gpu_frame(model) == before


def test_a_co_runner_changes_time_but_not_energy(model, platform):
    alone = gpu_frame(model)
    set_domain(model, co_runner_utilisation=0.5)
    slowdown = platform.slowdown(processor='gpu', co_runner_utilisation=0.5)
    assert slowdown > 1
    assert gpu_frame(model).inference_s == pytest.approx(alone.inference_s * slowdown)
    assert gpu_frame(model).energy_j == alone.energy_j > 0


def test_other_applications_slow_down_frames_like_co_runners(platform, model):
    shared = FrameModel(platform, seed=0, jitter=0.0, others={'gpu': 1.5, 'cpu': 0.0}.get)
    set_domain(shared, co_runner_utilisation=0.5)
    slowdown = platform.processors['gpu'].slowdown_under_load(2.0)
    alone, slowed = gpu_frame(model), gpu_frame(shared)
    assert slowed.inference_s == pytest.approx(alone.inference_s * slowdown)
    assert slowed.energy_j == alone.energy_j
    on_cpu = shared.frame(SUBNET, processor='cpu', threads=1)
    assert on_cpu == model.frame(SUBNET, processor='cpu', threads=1)


def test_jitter_depends_on_the_seed_only(platform):
    def frames(seed):
        model = FrameModel(platform, seed=seed)
        return [gpu_frame(model) for _ in range(5)]

    assert frames(1) == frames(1) != frames(2)


def test_jitter_is_log_normal_with_the_given_deviation(platform, model):
    jittery, median_s = FrameModel(platform, seed=0, jitter=0.1), gpu_frame(model).inference_s
    logs = np.log([gpu_frame(jittery).inference_s / median_s for _ in range(2000)])
    assert logs.mean() == pytest.approx(0, abs=0.01)
    assert logs.std() == pytest.approx(0.1, rel=0.1)


def test_unknown_values_do_not_change_the_state(model, lowest_hz):
    set_domain(model, lowest_hz['gpu'], co_runner_utilisation=0.5)
    before = gpu_frame(model)
    set_domain(model, math.nan, co_runner_utilisation=math.nan)
    assert gpu_frame(model) == before


@pytest.mark.parametrize(
    ('frequency_hz', 'co_runner', 'message'),
    [
        (1.0, 0.0, r'gpu\.frequency_hz is 1\.0; expected 114750000 to 1109250000 Hz'),
        (math.inf, 0.0, r'gpu\.frequency_hz is inf'),
        (114750000.0, 1.5, r'gpu\.co_runner_utilisation is 1\.5; expected 0 to 1'),
        (114750000.0, -0.1, r'gpu\.co_runner_utilisation is -0\.1'),
    ],
)
def test_an_invalid_state_is_refused_and_changes_nothing(model, frequency_hz, co_runner, message):
    before = gpu_frame(model)
    with pytest.raises(PlatformError, match=message):
        set_domain(model, frequency_hz, co_runner_utilisation=co_runner)
    assert gpu_frame(model) == before


def test_an_unknown_processor_is_refused(model):
    with pytest.raises(PlatformError, match="'npu'; expected one of cpu, gpu"):
        model.frame(SUBNET, processor='npu', threads=1)
