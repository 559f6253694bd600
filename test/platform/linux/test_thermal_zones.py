# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Temperature sensors and the devices that throttle."""

import math

import boards
import pytest

from dynofa_ros.platform.linux.thermal_zones import (
    TripPoint,
    find_throttles,
    find_zones,
)

ZONE = '/sys/class/thermal/thermal_zone0'


@pytest.fixture
def kernel(tmp_path):
    return boards.base(tmp_path)


@pytest.mark.parametrize(
    ('kind', 'domain'),
    [
        ('GPU-balanced', 'gpu'),
        ('thermal-devfreq-0', 'gpu'),
        ('thermal-cpufreq-0', 'cpu'),
        ('CPU-balanced', 'cpu'),
        ('Processor', 'cpu'),
        ('Processor fan', ''),
        ('pwm-fan', ''),
    ],
)
def test_what_a_cooling_device_throttles(kernel, kind, domain):
    boards.cooling(kernel, 3, kind, 1)
    assert [each.kind for each in find_throttles(kernel)] == ([domain] if domain else [])


@pytest.mark.parametrize(('state', 'on'), [(0, False), (1, True), (2, True), ('x', False)])
def test_a_cooling_device_throttles_above_state_0(kernel, state, on):
    boards.cooling(kernel, 3, 'Processor', state)
    (throttle,) = find_throttles(kernel)
    assert throttle.folder == '/sys/class/thermal/cooling_device3'
    assert throttle.on(kernel) == on


def test_zones_have_distinct_names(kernel):
    for number, kind in ((0, 'acpitz'), (1, 'acpitz'), (2, '')):
        boards.zone(kernel, number, kind, 40000 + number)
    zones = find_zones(kernel)
    assert [each.name for each in zones] == ['acpitz', 'acpitz_1', 'thermal_zone2']
    assert [each.folder for each in zones] == [f'{ZONE[:-1]}{number}' for number in range(3)]
    reading = zones[1].read(kernel)
    assert (reading.name, reading.temperature_c) == ('acpitz_1', 40.001)
    assert math.isnan(reading.throttle_c)


def test_trip_points_are_sorted_and_the_lowest_of_a_kind_counts(kernel):
    boards.zone(kernel, 0, 'soc', 40000, passive=95000, critical=105000)
    for index, (kind, temp) in enumerate((('passive', 90000), ('hot', 1), ('active', 0)), start=2):
        kernel.put(f'{ZONE}/trip_point_{index}_type', kind)
        kernel.put(f'{ZONE}/trip_point_{index}_temp', temp)
    (zone,) = find_zones(kernel)
    assert zone.trips == (
        TripPoint('hot', 0.001),
        TripPoint('passive', 90.0),
        TripPoint('passive', 95.0),
        TripPoint('critical', 105.0),
    )
    assert (zone.throttle_c, zone.critical_c) == (90.0, 105.0)
    assert zone.read(kernel).throttle_c == 90.0


@pytest.mark.parametrize(
    ('bound', 'acts'),
    [({}, True), ({0: 0}, True), ({0: 1}, False), ({0: -1}, False), ({0: -1, 1: 0}, True)],
)
def test_a_passive_trip_point_acts_if_something_is_bound_to_it(kernel, bound, acts):
    boards.zone(kernel, 0, 'soc', 40000, passive=95000, critical=105000)
    for number, trip in bound.items():
        kernel.put(f'{ZONE}/cdev{number}_trip_point', trip)
    (zone,) = find_zones(kernel)
    assert [each.acts for each in zone.trips] == [acts, True]


@pytest.mark.parametrize('kind', ['x86_pkg_temp', 'INT3400', 'TCPU', 'B0D4', 'iwlwifi_1', 'pch_x'])
def test_trip_points_of_x86_notify_also_with_a_cooling_device(kernel, kind):
    boards.zone(kernel, 0, kind, 40000, passive=95000)
    kernel.put(f'{ZONE}/cdev0_trip_point', 0)
    assert [each.acts for each in find_zones(kernel)[0].trips] == [False]
