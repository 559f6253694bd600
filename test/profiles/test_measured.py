# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math
from dataclasses import replace

import pytest

from dynofa_ros.engine import Measurement, Place
from dynofa_ros.platform import load_platform
from dynofa_ros.profiles.measured import host_name, measured_profile, modelled_profile
from dynofa_ros.supernet import ModelError


@pytest.fixture(scope='module')
def platform():
    return load_platform('jetson_xavier_nx')


@pytest.fixture(scope='module')
def modelled(model, platform):
    return modelled_profile('camera', model, 'torch', platform)


MEASUREMENTS = (
    Measurement('small', 'cpu', 1, 'float32', 0.002, 0.0001, 0.003, 5_000_000),
    Measurement('large', 'gpu', 2, 'float16', 0.009, 0.0003, 0.011, 9_000_000),
)


@pytest.fixture(scope='module')
def measured(model):
    return measured_profile('camera', model, 'torch', MEASUREMENTS)


def test_a_measured_point_has_the_measured_values(measured):
    point = measured.points[1]
    assert (point.subnet_id, point.threads) == ('large', 2)
    assert (point.latency_s, point.latency_std_s, point.latency_p95_s) == (0.009, 0.0003, 0.011)
    assert (point.engine, point.processor, point.precision) == ('torch', 'gpu', 'float16')


def test_an_energy_belongs_to_one_sub_network_and_place(model):
    energy_j = {('small', Place('cpu', 1)): 0.04, ('large', Place('cpu', 2)): 0.5}
    profile = measured_profile('camera', model, 'torch', MEASUREMENTS, energy_j=energy_j)
    assert profile.energy_source == 'measured_rapl'
    assert profile.points[0].energy_j == 0.04
    assert math.isnan(profile.points[1].energy_j)  # it ran on the GPU


def test_without_any_known_energy_the_source_is_unavailable(model):
    energy_j = {('small', Place('cpu', 1)): math.nan}
    profile = measured_profile('camera', model, 'torch', MEASUREMENTS, energy_j=energy_j)
    assert profile.energy_source == 'unavailable'


def test_a_point_has_the_cost_of_its_sub_network(measured, model):
    kept = model.subnet('large')
    point = measured.points[1]
    assert (point.accuracy, point.flops, point.parameters) == (
        kept.accuracy,
        kept.flops,
        kept.parameters,
    )


def test_unknown_values_of_a_measured_profile_are_nan(measured):
    assert (measured.latency_source, measured.energy_source) == ('measured', 'unavailable')
    assert all(math.isnan(point.energy_j) for point in measured.points)
    assert all(math.isnan(point.frequency_hz) for point in measured.points)


def test_a_measured_profile_names_this_machine(measured):
    assert measured.platform == host_name()


def test_a_measurement_of_an_unknown_sub_network_is_refused(model):
    with pytest.raises(ModelError, match="'huge'; expected one of small"):
        measured_profile('camera', model, 'torch', [replace(MEASUREMENTS[0], subnet_id='huge')])


def test_a_modelled_profile_states_its_sources_and_platform(modelled, platform):
    assert (modelled.latency_source, modelled.energy_source) == ('modelled', 'modelled')
    assert modelled.platform == platform.name


def test_a_modelled_profile_has_every_sub_network_at_every_frequency_and_number_of_cores(
    modelled, model, platform
):
    expected = {
        (kept.subnet_id, unit.name, threads, frequency_hz)
        for unit in platform.processors.values()
        for threads in range(1, unit.cores + 1)
        for frequency_hz in platform.domains[unit.domain].frequencies_hz
        for kept in model.kept
    }
    found = [(p.subnet_id, p.processor, p.threads, p.frequency_hz) for p in modelled.points]
    assert set(found) == expected
    assert len(found) == len(expected)


def test_modelled_latency_and_energy_are_those_of_the_platform(modelled, model, platform):
    for point in modelled.points:
        kept = model.subnet(point.subnet_id)
        where = {
            'processor': point.processor,
            'frequency_hz': point.frequency_hz,
            'threads': point.threads,
        }
        latency_s = platform.latency_s(flops=kept.flops, layers=kept.layers, **where)
        assert point.latency_s == latency_s
        assert point.energy_j == platform.energy_j(latency_s=latency_s, **where)
