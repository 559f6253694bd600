# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The shipped Jetson AGX Xavier, and the values that it shares with the Xavier NX."""

from __future__ import annotations

import pytest

from dynofa_ros.platform import Platform, load_platform


@pytest.fixture(scope='module')
def agx() -> Platform:
    return load_platform('jetson_agx_xavier')


@pytest.fixture(scope='module')
def nx() -> Platform:
    return load_platform('jetson_xavier_nx')


def test_the_cpu_has_the_steps_of_a_tegra194_up_to_maxn(agx: Platform, nx: Platform) -> None:
    steps = agx.domains['cpu'].frequencies_hz
    assert steps[-1] == 2265.6e6
    # The NX's highest is a cap between two steps.
    assert set(nx.domains['cpu'].frequencies_hz) - set(steps) == {1907.2e6}


def test_the_software_overheads_are_those_of_the_nx(agx: Platform, nx: Platform) -> None:
    for key in ('overhead_s_per_layer', 'overhead_cycles_per_layer'):
        assert agx.sources[f'processors.gpu.latency.{key}'] == 'assumed'
        of_agx, of_nx = (getattr(each.processors['gpu'].latency, key) for each in (agx, nx))
        assert of_agx == of_nx


def test_it_is_faster_than_the_nx_and_draws_more(agx: Platform, nx: Platform) -> None:
    frames_s, powers_w = [], []
    for platform in (agx, nx):
        highest_hz = platform.domains['gpu'].frequencies_hz[-1]
        frames_s.append(
            platform.latency_s(
                processor='gpu', frequency_hz=highest_hz, flops=1_000_000_000, layers=70
            )
        )
        powers_w.append(platform.processors['gpu'].busy_power.power_at(highest_hz))
    assert frames_s[0] < frames_s[1]
    assert powers_w[0] > powers_w[1]


def test_the_power_of_a_busy_gpu_is_that_of_loudva(agx: Platform) -> None:
    assert agx.processors['gpu'].busy_power.power_w[-1] == pytest.approx(21.97)
