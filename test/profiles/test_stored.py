# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A profile on disk states whether it applies, and is written atomically."""

import json
import math
from dataclasses import replace
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from dynofa_ros.engine import CompiledCache, Measurement, networks
from dynofa_ros.platform import load_platform
from dynofa_ros.platform.host import Host
from dynofa_ros.profiles.measured import measured_profile, modelled_profile
from dynofa_ros.profiles.stored import Conditions, StoredProfile

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc)
ENGINE = SimpleNamespace(name='torch', version='2.0')
SUBNETS = ('small', 'middle', 'large')


def took(subnet_id, threads):
    return Measurement(subnet_id, 'cpu', threads, 'float32', 0.002 * threads, 0.0001, 0.003, 0)


@pytest.fixture(scope='module')
def nets(model):
    return networks(model, CompiledCache(None))


@pytest.fixture(scope='module')
def stored(model, nets):
    points = [took(subnet_id, threads) for subnet_id in SUBNETS for threads in (1, 2)]
    profile = measured_profile('camera', model, 'torch', points)
    return StoredProfile(profile, Conditions.here(nets, [ENGINE], now=NOW))


@pytest.fixture
def file(stored, tmp_path):
    stored.save(tmp_path / 'new' / 'profile.json')
    return tmp_path / 'new' / 'profile.json'


@pytest.fixture
def change(file, write_changed):
    """Return a function that changes a field of the file."""

    def change(field, value):
        write_changed(json.loads(file.read_text()), {field: value}, file)

    return change


def test_a_profile_is_unchanged_by_saving_and_loading(stored, file):
    loaded = StoredProfile.load(file, 'camera')
    assert loaded.profile.is_same_as(stored.profile)
    assert loaded.measured_with == stored.measured_with


def test_a_modelled_profile_is_unchanged_by_saving_and_loading(model, tmp_path):
    profile = modelled_profile('camera', model, 'torch', load_platform('jetson_xavier_nx'))
    StoredProfile(profile, None).save(tmp_path / 'profile.json')
    loaded = StoredProfile.load(tmp_path / 'profile.json', 'camera')
    assert loaded.profile.is_same_as(profile)
    assert loaded.measured_with is None


def test_the_file_states_the_measurement_conditions(file, nets):
    said = json.loads(file.read_text())['measured_with']
    assert said['engines'] == {'torch': '2.0'}
    assert said['subnets'] == {each.kept.subnet_id: each.key for each in nets}
    assert said['date'] == '2026-03-04T05:06:07+00:00'
    assert Host(**said['host']) == Host.here()


def test_unknown_is_null_in_the_file(file):
    assert json.loads(file.read_text())['points'][0]['energy_j'] is None
    assert math.isnan(StoredProfile.load(file, 'camera').profile.points[0].energy_j)


def test_nothing_but_the_file_is_left(file):
    assert [each.name for each in file.parent.iterdir()] == ['profile.json']


def test_it_is_read_for_the_application_that_asks(file):
    assert StoredProfile.load(file, 'other').profile.app == 'other'


def test_where_nothing_changed_it_applies(file, nets):
    assert StoredProfile.load(file, 'camera').mismatch(nets, ENGINE) == ''


def test_sub_networks_that_are_not_to_run_may_be_in_it(stored, nets):
    assert stored.mismatch(nets[:1], ENGINE) == ''


@pytest.mark.parametrize('field', ['name', 'architecture', 'cpu'])
def test_on_another_machine_it_does_not_apply(stored, nets, field):
    other = replace(Host.here(), **{field: 'other'})
    assert stored.mismatch(nets, ENGINE, host=other) == (
        f'it was measured on {Host.here()}, this is {other}'
    )


@pytest.mark.parametrize(
    ('name', 'version', 'why'),
    [
        ('torch', '2.1', 'it was measured with torch 2.0, this is 2.1'),
        ('openvino', '2.0', 'it was measured with torch, not with openvino'),
    ],
)
def test_for_another_engine_it_does_not_apply(stored, nets, name, version, why):
    assert stored.mismatch(nets, SimpleNamespace(name=name, version=version)) == why


def test_with_other_weights_it_does_not_apply(stored, nets):
    others = [replace(each, fingerprint='other') for each in nets]
    assert stored.mismatch(others, ENGINE) == (
        'it was measured with other weights or another config of small, middle, large'
    )


def test_without_a_sub_network_it_does_not_apply(stored, nets):
    kept = replace(nets[0].kept, subnet_id='new')
    why = stored.mismatch([*nets, replace(nets[0], kept=kept)], ENGINE)
    assert why == 'it has no point of torch for new'


def test_with_another_accuracy_it_does_not_apply(stored, nets):
    kept = replace(nets[0].kept, accuracy=0.9)
    why = stored.mismatch([replace(nets[0], kept=kept)], ENGINE)
    assert why == 'the model has another accuracy for small'


def test_a_file_of_an_earlier_version_does_not_apply(file, nets):
    document = json.loads(file.read_text())
    del document['measured_with']
    file.write_text(json.dumps(document))
    why = StoredProfile.load(file, 'camera').mismatch(nets, ENGINE)
    assert why == 'it does not state its measurement conditions'


def test_points_are_selected_by_engine_sub_network_and_threads(model, nets):
    engines = (ENGINE, SimpleNamespace(name='openvino', version='1'))
    profiles = [
        measured_profile('camera', model, each.name, [took(s, t) for s in SUBNETS for t in (1, 2)])
        for each in engines
    ]
    both = replace(profiles[0], points=profiles[0].points + profiles[1].points)
    stored = StoredProfile(both, Conditions.here(nets, engines, now=NOW))
    found = stored.points_for(nets[:2], engines[1], most_threads=1)
    assert [(p.subnet_id, p.engine, p.threads) for p in found.points] == [
        ('small', 'openvino', 1),
        ('middle', 'openvino', 1),
    ]


def test_too_few_threads_for_any_point_is_an_error(stored, nets):
    with pytest.raises(ValueError, match='no point of torch with at most 0 threads'):
        stored.points_for(nets, ENGINE, most_threads=0)


@pytest.mark.parametrize(
    ('fields', 'text'),
    [
        ({'engines': {'openvino': '1'}}, "engine is 'torch'; expected openvino"),
        ({'subnets': {'small': 'x'}}, "subnet_id is 'middle'; expected small"),
    ],
)
def test_a_point_missing_from_the_conditions_is_refused(stored, fields, text):
    with pytest.raises(ValueError, match=text):
        StoredProfile(stored.profile, replace(stored.measured_with, **fields))


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('engines', {}),
        ('engines', {'torch': 2}),
        ('engines', 'torch'),
        ('subnets', {}),
        ('subnets', None),
        ('date', 'yesterday'),
        ('date', 5),
        ('host', {'name': 'robot'}),
        ('host', None),
        ('colour', 'red'),
    ],
)
def test_invalid_conditions_are_named(file, change, field, value):
    change(f'measured_with.{field}', value)
    with pytest.raises(
        ValueError, match=rf'profile\.json: measured_with\.{field}\b.* is .*; expected '
    ):
        StoredProfile.load(file, 'camera')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'none\.json: file is unreadable \(No such file'):
        StoredProfile.load(tmp_path / 'none.json', 'camera')


def test_a_path_that_cannot_be_written_is_named(stored, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(ValueError, match=r'profile\.json cannot be written: '):
        stored.save(tmp_path / 'file' / 'profile.json')


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'{"points": [',
        b'[1, 2]',
        b'{}',
        b'{"points": {}}',
        b'{"points": [{}]}',
        b'null',
        b'"x"',
        b'\xff\xfe',
        b'{"measured_with": 1, "points": []}',
    ],
)
def test_an_invalid_file_is_named(tmp_path, content):
    (tmp_path / 'profile.json').write_bytes(content)
    with pytest.raises(ValueError, match=r'profile\.json: .* is .*; expected '):
        StoredProfile.load(tmp_path / 'profile.json', 'camera')


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('latency_s', -1.0),
        ('latency_s', None),
        ('latency_s', '0.1'),
        ('accuracy', 2.0),
        ('threads', -1),
        ('threads', 1.5),
        ('flops', 10**400),
        ('latency_s', 10**400),
        ('subnet_id', 3),
        ('x', 1),
    ],
)
def test_an_invalid_point_is_named(file, change, field, value):
    change(f'points.0.{field}', value)
    with pytest.raises(ValueError, match=rf'profile\.json: points\[0\].*{field} is .*; expected '):
        StoredProfile.load(file, 'camera')
