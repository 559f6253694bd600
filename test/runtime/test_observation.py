# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Observations refuse impossible values and name the field."""

import math

import pytest

from dynofa_ros.runtime import (
    DomainObservation,
    FrameObservation,
    PlatformObservation,
    SubnetObservation,
    TemperatureObservation,
)
from dynofa_ros.runtime.observation import ResidentPoint, uncovered

FRAME = {
    'app': 'camera',
    'sequence': 1,
    'subnet_id': 'large',
    'engine': 'torch',
    'processor': 'gpu',
    'threads': 2,
    'inference_s': 0.05,
    'overhead_s': 0.0,
}
SUBNET = {
    'app': 'camera',
    'subnet_id': 'large',
    'processor': 'gpu',
    'command_sequence': 1,
    'command_applied': True,
}
DOMAIN = {
    'name': 'gpu',
    'processors': ('gpu', 'npu'),
    'frequency_hz': 1e9,
    'frequencies_hz': (1e9,),
    'settable': True,
}
CPU = DomainObservation('cpu', ('cpu',), 1e9, (1e9,), True)
PLATFORM = {'platform': 'board', 'domains': (CPU,)}
RESIDENT = {'subnet_id': 'large', 'processor': 'gpu', 'threads': 1}
SENSOR = {'name': 'soc', 'temperature_c': 50.0, 'throttle_c': 90.0}


@pytest.mark.parametrize(
    ('kind', 'valid', 'changes'),
    [
        (FrameObservation, FRAME, {}),
        (FrameObservation, FRAME, {'stamp_s': -5.0, 'skipped': 7}),
        (FrameObservation, FRAME, {'inference_s': 1e-6, 'overhead_s': 3600.0}),
        (SubnetObservation, SUBNET, {}),
        (SubnetObservation, SUBNET, {'subnet_id': '', 'processor': ''}),
        (SubnetObservation, SUBNET, {'residents': (ResidentPoint('a', '', 0),) * 4096}),
        (ResidentPoint, RESIDENT, {'processor': ''}),
        (DomainObservation, DOMAIN, {'frequency_hz': 0.0}),
        (DomainObservation, DOMAIN, {'frequency_hz': math.nan, 'processors': ()}),
        (DomainObservation, DOMAIN, {'frequency_hz': 1e12}),
        (DomainObservation, DOMAIN, {'contention': (math.nan, 0.0)}),
        (DomainObservation, DOMAIN, {'frequencies_hz': (1e9,) * 1024}),
        (PlatformObservation, PLATFORM, {'platform': ''}),
        (PlatformObservation, PLATFORM, {'power_w': 0.0}),
        (TemperatureObservation, SENSOR, {'temperature_c': math.nan, 'throttle_c': math.nan}),
    ],
)
def test_possible_values_are_accepted(kind, valid, changes):
    found = kind(**(valid | changes))
    for name, value in changes.items():
        assert getattr(found, name) == value or math.isnan(value)


@pytest.mark.parametrize(
    ('kind', 'valid', 'field', 'value', 'text'),
    [
        (FrameObservation, FRAME, 'app', '', 'app is empty; expected a name'),
        (FrameObservation, FRAME, 'inference_s', 0.0, 'inference_s is 0; expected 1e-06 to 3600'),
        (FrameObservation, FRAME, 'overhead_s', -1.0, 'overhead_s is -1; expected 0 to 3600'),
        (
            FrameObservation,
            FRAME,
            'stamp_s',
            math.inf,
            'stamp_s is inf; expected a finite number or NaN',
        ),
        (FrameObservation, FRAME, 'skipped', -1, 'skipped is -1; expected a finite number from 0'),
        (SubnetObservation, SUBNET, 'app', '', 'app is empty; expected a name'),
        (
            SubnetObservation,
            SUBNET,
            'subnet_id',
            '\n',
            r"subnet_id is '\n'; expected at most 256 printable characters",
        ),
        (
            SubnetObservation,
            SUBNET,
            'processor',
            '\n',
            r"processor is '\n'; expected at most 256 printable characters",
        ),
        (
            SubnetObservation,
            SUBNET,
            'residents',
            (ResidentPoint('a', '', 0),) * 4097,
            'residents holds 4097 values; expected at most 4096',
        ),
        (ResidentPoint, RESIDENT, 'subnet_id', '', 'resident subnet_id is empty; expected a name'),
        (
            ResidentPoint,
            RESIDENT,
            'processor',
            '\n',
            r"resident processor is '\n'; expected at most 256 printable characters",
        ),
        (DomainObservation, DOMAIN, 'name', '', 'domain is empty; expected a name'),
        (
            DomainObservation,
            DOMAIN,
            'processors',
            ('gpu', ''),
            'gpu.processors is empty; expected a name',
        ),
        (
            DomainObservation,
            DOMAIN,
            'frequency_hz',
            -1.0,
            'gpu.frequency_hz is -1; expected 0 to 1e+12 or NaN',
        ),
        (
            DomainObservation,
            DOMAIN,
            'frequencies_hz',
            (1e9, 1.0),
            'gpu.available_frequencies_hz is 1; expected 1000 to 1e+12',
        ),
        (
            DomainObservation,
            DOMAIN,
            'frequencies_hz',
            (1e9,) * 1025,
            'gpu.available_frequencies_hz holds 1025 values; expected at most 1024',
        ),
        (
            DomainObservation,
            DOMAIN,
            'contention',
            (1.0,),
            'gpu.contention holds 1 values; expected none, or one for each of 2 processors',
        ),
        (
            DomainObservation,
            DOMAIN,
            'contention',
            (1.0, -1.0),
            'gpu.contention is -1; expected 0 to 1000 or NaN',
        ),
        (
            PlatformObservation,
            PLATFORM,
            'platform',
            '\n',
            r"platform is '\n'; expected at most 256 printable characters",
        ),
        (
            PlatformObservation,
            PLATFORM,
            'power_w',
            -1.0,
            'power_w is -1; expected 0 to 10000 or NaN',
        ),
        (
            PlatformObservation,
            PLATFORM,
            'domains',
            (CPU, CPU),
            'domains is cpu, cpu; expected each once',
        ),
        (
            PlatformObservation,
            PLATFORM,
            'domains',
            (CPU, DomainObservation('b', ('cpu',), 1e9, (), True)),
            'processors is cpu, cpu; expected each once',
        ),
        (
            PlatformObservation,
            PLATFORM,
            'domains',
            tuple(DomainObservation(f'd{each}', (), 1e9, (), True) for each in range(65)),
            'domains holds 65 values; expected at most 64',
        ),
        (
            PlatformObservation,
            PLATFORM,
            'domains',
            (DomainObservation('d', tuple(f'p{each}' for each in range(65)), 1e9, (), True),),
            'processors holds 65 values; expected at most 64',
        ),
        (
            PlatformObservation,
            PLATFORM,
            'temperatures',
            tuple(TemperatureObservation(f's{each}', 1.0, 2.0) for each in range(257)),
            'temperatures holds 257 values; expected at most 256',
        ),
        (
            TemperatureObservation,
            SENSOR,
            'throttle_c',
            10_001.0,
            'soc.throttle_c is 10001; expected -300 to 10000 or NaN',
        ),
    ],
)
def test_an_impossible_value_is_named(kind, valid, field, value, text):
    with pytest.raises(ValueError) as error:
        kind(**(valid | {field: value}))
    assert str(error.value) == text


def test_the_key_of_a_frame_is_its_point_without_the_frequency():
    assert FrameObservation(**FRAME).key == ('large', 'torch', 'gpu', 2)


@pytest.mark.parametrize(
    ('temperature_c', 'throttle_c', 'limited'),
    [
        (50.0, 90.0, True),
        (-20.0, 0.5, True),
        (50.0, 0.0, False),
        (50.0, -1.0, False),
        (math.nan, 90.0, False),
        (50.0, math.nan, False),
    ],
)
def test_a_sensor_is_limited_if_reading_and_limit_are_known(temperature_c, throttle_c, limited):
    assert TemperatureObservation('soc', temperature_c, throttle_c).limited == limited


@pytest.mark.parametrize(
    ('resident', 'covered'),
    [
        (('large', 'gpu', 2), True),
        (('large', '', 2), True),
        (('large', 'gpu', 0), True),
        (('large', '', 0), True),
        (('large', 'cpu', 2), False),
        (('large', 'gpu', 1), False),
        (('small', 'gpu', 2), False),
    ],
)
def test_a_resident_covers_points_of_its_processor_and_threads(resident, covered):
    key = ('large', 'torch', 'gpu', 2)
    assert list(uncovered([key], [ResidentPoint(*resident)])) == ([] if covered else [key])
