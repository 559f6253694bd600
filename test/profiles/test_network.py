# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The latency of a sub-network: measured where there is a measurement, otherwise modelled."""

import dataclasses

import pytest

from dynofa_ros.platform import PlatformError, load_platform
from dynofa_ros.profiles.modelled import modelled_points
from dynofa_ros.profiles.network import MeasuredLatency, SubnetCost
from dynofa_ros.simulation.networks_file import load_networks

PLAIN = SubnetCost('plain', accuracy=0.8, flops=10_000_000, layers=1)
# 20 % slower than the modelled 25 ms.
AT = MeasuredLatency('board', 'gpu', frequency_hz=4e8, threads=1, latency_s=0.03)
MEASURED = dataclasses.replace(PLAIN, measured=AT)


def latency_s(network, board, *, processor='gpu', frequency_hz=4e8):
    return network.latency_s(board, processor=processor, frequency_hz=frequency_hz, threads=1)


def test_without_a_measurement_the_latency_is_that_of_the_platform_model(board):
    assert latency_s(PLAIN, board) == pytest.approx(0.025)


def test_a_measured_latency_is_returned_at_the_measured_frequency(board):
    assert latency_s(MEASURED, board) == pytest.approx(0.03)


def test_a_measured_latency_scales_to_other_frequencies_as_the_platform_model(board):
    assert latency_s(MEASURED, board, frequency_hz=1e8) == pytest.approx(0.12)


def test_a_measurement_does_not_apply_to_another_processor_or_platform(board):
    elsewhere = dataclasses.replace(board, name='other')
    assert latency_s(MEASURED, elsewhere) == latency_s(PLAIN, elsewhere)
    on_cpu = {'processor': 'cpu', 'frequency_hz': 2e9}
    assert latency_s(MEASURED, board, **on_cpu) == latency_s(PLAIN, board, **on_cpu)


def test_a_measurement_at_an_impossible_frequency_names_the_network(board):
    wrong = dataclasses.replace(PLAIN, measured=dataclasses.replace(AT, frequency_hz=9e8))
    with pytest.raises(PlatformError, match='network plain'):
        latency_s(wrong, board)


def test_there_is_a_point_at_every_frequency_and_number_of_cores(board):
    points = modelled_points([PLAIN], board, engine='modelled')
    found = {(each.processor, each.threads, each.frequency_hz) for each in points}
    on_cpu = {('cpu', threads, f) for threads in (1, 2, 3, 4) for f in (1e9, 2e9)}
    assert found == on_cpu | {('gpu', 1, f) for f in (1e8, 2e8, 4e8)}
    assert len(points) == len(found)


def test_the_latency_std_of_a_point_is_a_fraction_of_its_latency(board):
    for point in modelled_points([PLAIN], board, engine='modelled', jitter=0.05):
        assert point.latency_std_s == pytest.approx(0.05 * point.latency_s)


def test_a_network_runs_on_its_allowed_processors_only(board):
    only_cpu = dataclasses.replace(PLAIN, processors=('cpu',))
    points = modelled_points([PLAIN, only_cpu], board, engine='modelled', processors=['gpu'])
    assert len(points) == 3
    with pytest.raises(PlatformError, match='a processor that some network may run on'):
        modelled_points([only_cpu], board, engine='modelled', processors=['gpu'])


def test_the_published_sub_networks_have_their_measured_latency():
    jetson = load_platform('jetson_xavier_nx')
    networks = {each.subnet_id: each for each in load_networks('dynamic_ofa').networks}
    assert len(networks) == 20
    on_gpu = networks['nets_6_1'].latency_s(
        jetson, processor='gpu', frequency_hz=1109250000, threads=1
    )
    on_cpu = networks['cpu_725'].latency_s(
        jetson, processor='cpu', frequency_hz=1420800000, threads=6
    )
    assert (on_gpu, on_cpu) == pytest.approx((0.041159, 0.5))


NETWORK = {'accuracy': 0.5, 'flops': 1000, 'parameters': 10, 'layers': 2}


CONTENT = {'supernet': 'own', 'sets': {'one': {'source': 'a test', 'networks': {'only': NETWORK}}}}


@pytest.mark.parametrize(
    ('network', 'named'),
    [
        ({'accuracy': 1.5}, r'sets\.one\.networks\.only\.accuracy is 1.5'),
        ({'flops': 1.5}, r'flops is 1.5; expected a whole number'),
        ({'layers': 0}, r'layers is 0'),
        ({'color': 1}, r'color is 1; expected only the keys'),
        ({'latency_s': 0.1}, r'latency_s is 0.1'),  # of a set without measured_on
        ({'latency_s': None}, r'latency_s is None; expected a finite number above 0'),
    ],
)
def test_an_invalid_network_is_refused_by_name(write_changed, network, named):
    file = write_changed(CONTENT, {'sets.one.networks.only': NETWORK | network})
    with pytest.raises(PlatformError, match=named):
        load_networks(file)


PLACE = {'platform': 'board', 'processor': 'gpu', 'frequency_hz': 4e8, 'threads': 1}


@pytest.mark.parametrize(
    ('field', 'value', 'named'),
    [
        ('sets.one.measured_on', PLACE, r'sets\.one\.networks\.only\.latency_s is missing'),
        ('sets.one.source', ..., r'sets\.one\.source is missing'),
        ('sets.two', CONTENT['sets']['one'], r"networks is \['only'\]; .* each name once"),
        ('sets', {}, r'networks is \[\]; expected at least one'),
    ],
)
def test_an_invalid_set_is_refused_by_name(write_changed, field, value, named):
    file = write_changed(CONTENT, {field: value})
    with pytest.raises(PlatformError, match=named):
        load_networks(file)
