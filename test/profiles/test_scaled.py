# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A profile measured at one frequency is scaled to the others of the platform."""

import math
from dataclasses import replace

import pytest

from dynofa_ros.platform import load_platform
from dynofa_ros.profiles.scaled import scale_to_frequencies
from dynofa_ros.runtime import OperatingPoint, Profile

HZ = 1109.25e6


@pytest.fixture(scope='module')
def platform():
    return load_platform('jetson_xavier_nx')


def measured(energy_j=math.nan, processor='gpu', **changes):
    point = OperatingPoint(
        subnet_id='small',
        engine='torch',
        processor=processor,
        threads=1,
        frequency_hz=math.nan,
        latency_s=0.02,
        latency_std_s=0.001,
        latency_p95_s=0.022,
        energy_j=energy_j,
        accuracy=0.7,
        flops=300_000_000,
        parameters=1_000_000,
    )
    source = 'unavailable' if math.isnan(energy_j) else 'measured_rapl'
    return Profile('camera', 'net', 'here', 'measured', source, (replace(point, **changes),))


def scaled(profile, platform, measured_hz=HZ):
    return scale_to_frequencies(
        profile, platform, layers={'small': 50}, measured_hz={'gpu': measured_hz, 'cpu': 1e9}
    )


def test_there_is_a_point_at_every_frequency(platform):
    profile = scaled(measured(), platform)
    frequencies_hz = [point.frequency_hz for point in profile.points]
    assert tuple(frequencies_hz) == platform.domains['gpu'].frequencies_hz
    assert (profile.platform, profile.latency_source) == ('jetson_xavier_nx', 'scaled')


def test_the_point_at_the_measured_frequency_is_unchanged(platform):
    point = scaled(measured(), platform).points[-1]
    assert point.frequency_hz == HZ
    assert point.latency_s == pytest.approx(0.02)
    assert point.latency_std_s == pytest.approx(0.001)
    assert point.latency_p95_s == pytest.approx(0.022)


def test_latency_and_its_spread_scale_as_the_platform_model(platform):
    first, *_, last = scaled(measured(), platform).points
    model_s = [
        platform.latency_s(
            processor='gpu', frequency_hz=each.frequency_hz, flops=300_000_000, layers=50
        )
        for each in (first, last)
    ]
    assert first.latency_s / last.latency_s == pytest.approx(model_s[0] / model_s[1])
    assert first.latency_std_s / first.latency_s == pytest.approx(0.05)


def test_an_unknown_energy_is_modelled(platform):
    profile = scaled(measured(), platform)
    assert profile.energy_source == 'modelled'
    for point in profile.points:
        assert point.energy_j == pytest.approx(
            platform.energy_j(
                processor='gpu', frequency_hz=point.frequency_hz, latency_s=point.latency_s
            )
        )


def test_a_measured_energy_is_kept_and_scales_the_others(platform):
    profile = scaled(measured(energy_j=0.5), platform)
    unmeasured = scaled(measured(), platform)
    assert profile.energy_source == 'measured_rapl'
    assert profile.points[-1].energy_j == pytest.approx(0.5)
    ratio = unmeasured.points[0].energy_j / unmeasured.points[-1].energy_j
    assert profile.points[0].energy_j == pytest.approx(0.5 * ratio)


def test_a_frequency_slightly_above_the_highest_counts_as_the_highest(platform):
    assert scaled(measured(), platform, HZ * 1.01) == scaled(measured(), platform, HZ)


@pytest.mark.parametrize('changes', [{'processor': 'npu'}, {'frequency_hz': 5e8}])
def test_points_of_other_processors_or_with_a_frequency_are_unchanged(platform, changes):
    profile = measured(**changes)
    assert scaled(profile, platform) is profile


def test_without_the_measured_frequency_the_profile_is_unchanged(platform):
    profile = measured()
    assert scaled(profile, platform, math.nan) is profile
