# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The file of a platform: every number with its source, no key missing, no key unknown."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from dynofa_ros.platform import PlatformError, load_platform
from dynofa_ros.share import share_path

Write = Callable[..., str]


@pytest.fixture
def write(write_changed: Callable[..., str]) -> Write:
    """Write the shipped Jetson with one field changed, or removed (`...`); return the path."""
    shipped = yaml.safe_load(share_path('config/platforms/jetson_xavier_nx.yaml').read_text())

    def write(field: str = '', value: object = ..., **others: object) -> str:
        return write_changed(shipped, ({field: value} if field else {}) | others)

    return write


def refusal(path: str) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        load_platform(path)
    assert path in str(caught.value)
    assert caught.value.field in str(caught.value)
    assert caught.value.expected in str(caught.value)
    return caught.value


def assumed(value: object) -> dict[str, object]:
    return {'value': value, 'source': 'assumed'}


def test_a_path_loads_the_same_as_a_name(write: Write) -> None:
    assert load_platform(write()) == load_platform('jetson_xavier_nx')


def test_every_number_has_its_source() -> None:
    sources = load_platform('jetson_xavier_nx').sources
    assert sources['idle_power_w'] == 'assumed'
    assert 'LoudVA' in sources['frequency_domains.gpu.change_delay_s']
    assert sources['processors.cpu.latency.serial_fraction'] == 'assumed'


@pytest.mark.parametrize(
    'field',
    [
        'name',
        'sources',
        'rail',
        'idle_power_w',
        'frequency_domains',
        'frequency_domains.gpu.frequencies_hz',
        'processors.cpu.cores',
        'processors.gpu.latency',
        'processors.gpu.latency.flop_per_cycle',
        'processors.gpu.busy_power.power_w',
        'thermal_zones.GPU-therm.throttle_c',
        'battery.energy_j',
    ],
)
def test_a_missing_key_is_named(write: Write, field: str) -> None:
    error = refusal(write(field))
    assert (error.field, str(error.value)) == (field, 'missing')


def test_a_platform_may_have_no_battery(write: Write) -> None:
    assert load_platform(write('battery')).battery is None


@pytest.mark.parametrize(
    'field', ['fan', 'processors.gpu.fan', 'processors.gpu.latency.fan', 'battery.fan']
)
def test_an_unknown_key_is_named(write: Write, field: str) -> None:
    error = refusal(write(field, assumed(1.0)))
    assert error.field == field
    assert 'only the keys' in error.expected


@pytest.mark.parametrize('field', ['idle_power_w', 'frequency_domains.gpu.change_delay_s'])
@pytest.mark.parametrize('number', [3.0, {'value': 3.0}, {'source': 'assumed'}])
def test_a_number_without_a_source_is_refused(write: Write, field: str, number: object) -> None:
    error = refusal(write(field, number))
    assert error.field == field
    assert 'assumed' in error.expected


@pytest.mark.parametrize('source', ['folklore', '', None, 3])
def test_a_source_is_one_of_the_file(write: Write, source: object) -> None:
    error = refusal(write('idle_power_w', {'value': 3.0, 'source': source}))
    assert error.field == 'idle_power_w.source'
    assert error.value == source
    assert 'loudva' in error.expected


def test_the_keyword_assumed_cannot_be_defined_as_a_source(write: Write) -> None:
    assert refusal(write('sources.assumed', 'my guess')).field == 'sources.assumed'


@pytest.mark.parametrize(
    ('field', 'value', 'named'),
    [
        ('name', 7, 'name'),
        ('rail', '  ', 'rail'),
        ('idle_power_w', assumed('three'), 'idle_power_w'),
        ('idle_power_w', assumed(True), 'idle_power_w'),
        ('idle_power_w', assumed(math.nan), 'idle_power_w'),
        ('idle_power_w', assumed(-1.0), 'idle_power_w'),
        ('idle_power_w', {**assumed(1.0), 'unit': 'W'}, 'idle_power_w.unit'),
        ('processors', {}, 'processors'),
        ('processors', ['gpu'], 'processors'),
        ('processors.gpu', None, 'processors.gpu'),
        ('processors.gpu.name', 'gpu', 'processors.gpu.name'),
        ('name', assumed('robot'), 'name'),
        ('sources.intel', 3, 'sources.intel'),
        ('sources', ['loudva'], 'sources'),
        ('idle_power_w', assumed(10**400), 'idle_power_w'),
        ('processors.gpu.cores', assumed(10**400), 'processors.gpu.cores'),
        ('processors.gpu.cores', assumed(1.5), 'processors.gpu.cores'),
        ('processors.gpu.kind', '', 'processors.gpu.kind'),
        ('processors.gpu.domain', 'dla', 'processors.gpu.domain'),
        (
            'processors.gpu.latency.flop_per_cycle',
            assumed(0),
            'processors.gpu.latency.flop_per_cycle',
        ),
        (
            'frequency_domains.gpu.frequencies_hz',
            assumed([2e8, 1e8]),
            'frequency_domains.gpu.frequencies_hz',
        ),
        (
            'frequency_domains.gpu.frequencies_hz',
            assumed(1e8),
            'frequency_domains.gpu.frequencies_hz',
        ),
        (
            'frequency_domains.gpu.frequencies_hz',
            assumed(['1e8']),
            'frequency_domains.gpu.frequencies_hz[0]',
        ),
        (
            'thermal_zones.GPU-therm.throttled_frequency_hz',
            assumed(5e8),
            'thermal_zones.GPU-therm.throttled_frequency_hz',
        ),
        ('battery.energy_j', assumed(-5), 'battery.energy_j'),
    ],
)
def test_a_wrong_value_is_named(write: Write, field: str, value: object, named: str) -> None:
    assert refusal(write(field, value)).field == named


@pytest.mark.parametrize('text', ['', '- a\n- list\n', 'name: [unclosed', '\x00'])
def test_a_file_without_a_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'broken.yaml'
    path.write_text(text)
    assert refusal(str(path)).field == 'file'


@pytest.mark.parametrize('content', [b'\xff\xfe\xff', None])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / 'binary.yaml'
    if content is not None:
        path.write_bytes(content)
    assert refusal(str(path)).field == 'file'


def test_all_faults_are_reported_one_line_each(write: Write) -> None:
    changes = {
        'processors.gpu.latency.flop_per_cycle': assumed('9' * 10_000),
        'thermal_zones.GPU-therm.domain': '',
        'battery.energy_j': ...,
    }
    path = write('processors.gpu.fan', 1, **changes)
    expected = {
        'processors.gpu.fan': 'only the keys kind, domain, cores',
        'processors.gpu.latency.flop_per_cycle': 'a finite number above 0',
        'thermal_zones.GPU-therm.domain': 'a text that is not empty',
        'battery.energy_j': 'a quantity {value: ..., source',
    }
    lines = str(refusal(path)).splitlines()
    fields = [line.removeprefix(f'{path}: ').split(' ')[0] for line in lines]
    assert sorted(fields) == sorted(expected)
    for field, line in zip(fields, lines, strict=True):
        assert f'; expected {expected[field]}' in line
        assert len(line.removeprefix(path)) < 250


@pytest.mark.parametrize('name', ['jetson_nano_9000', '', '..'])
def test_an_unknown_name_is_refused_with_the_known_names(name: str) -> None:
    with pytest.raises(PlatformError, match='jetson_xavier_nx') as caught:
        load_platform(name)
    assert caught.value.value == name


def test_a_platform_may_have_any_number_of_clusters_and_gpus(write: Write) -> None:
    shipped = yaml.safe_load(Path(write()).read_text())
    cpu, gpu = shipped['processors'].values()
    changes: dict[str, object] = {'processors.gpu1': gpu}
    for cluster in ('big', 'little'):
        changes[f'processors.{cluster}'] = cpu | {'domain': cluster}
        changes[f'frequency_domains.{cluster}'] = shipped['frequency_domains']['cpu']
    path = write(**changes)
    assert set(load_platform(path).processors) == {'big', 'cpu', 'gpu', 'gpu1', 'little'}
