import json
import math
from dataclasses import replace

import pytest

from dynofa_ros.engine import Measurement
from dynofa_ros.offline.profile import (
    host_name,
    load_profile,
    measured_profile,
    modelled_profile,
    save_profile,
)
from dynofa_ros.platform import load_platform
from dynofa_ros.supernet import ModelError


@pytest.fixture(scope='module')
def platform():
    return load_platform('jetson_xavier_nx')


@pytest.fixture(scope='module')
def modelled(model, platform):
    return modelled_profile('camera', model, 'torch', platform)


@pytest.fixture(scope='module')
def measured(model):
    took = [Measurement('small', 1, 0.002, 0.0001), Measurement('large', 2, 0.009, 0.0003)]
    return measured_profile('camera', model, 'torch', took)


def test_a_measured_point_holds_what_was_measured(measured):
    point = measured.points[1]
    assert (point.subnet_id, point.threads) == ('large', 2)
    assert (point.latency_s, point.latency_std_s) == (0.009, 0.0003)
    assert (point.engine, point.processor) == ('torch', 'cpu')


def test_a_point_holds_what_its_sub_network_costs(measured, model):
    kept = model.subnet('large')
    point = measured.points[1]
    assert (point.accuracy, point.flops, point.parameters) == (
        kept.accuracy,
        kept.flops,
        kept.parameters,
    )


def test_a_measured_profile_says_what_is_unknown(measured):
    assert (measured.latency_source, measured.energy_source) == ('measured', 'unavailable')
    assert all(math.isnan(point.energy_j) for point in measured.points)
    assert all(math.isnan(point.frequency_hz) for point in measured.points)


def test_a_measured_profile_names_this_machine(measured):
    assert measured.platform == host_name()


def test_a_measurement_of_a_sub_network_that_is_not_kept_is_refused(model):
    with pytest.raises(ModelError, match="'huge'; untrained keeps"):
        measured_profile('camera', model, 'torch', [Measurement('huge', 1, 0.1, 0.0)])


def test_a_modelled_profile_says_so_and_names_its_platform(modelled, platform):
    assert (modelled.latency_source, modelled.energy_source) == ('modelled', 'modelled')
    assert modelled.platform == platform.name


def test_a_modelled_profile_has_every_sub_network_at_every_clock_and_number_of_cores(
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


def test_a_modelled_profile_survives_a_file(modelled, tmp_path):
    save_profile(modelled, tmp_path / 'profile.json')
    assert load_profile(tmp_path / 'profile.json', 'camera') == modelled


def test_what_is_unknown_survives_a_file(measured, tmp_path):
    file = tmp_path / 'new' / 'profile.json'
    save_profile(measured, file)
    loaded = load_profile(file, 'camera')
    assert all(math.isnan(point.energy_j) for point in loaded.points)
    assert [point.latency_s for point in loaded.points] == [0.002, 0.009]


def test_unknown_is_null_in_the_file(measured, tmp_path):
    save_profile(measured, tmp_path / 'profile.json')
    assert json.loads((tmp_path / 'profile.json').read_text())['points'][0]['energy_j'] is None


def test_a_profile_is_read_for_the_application_that_asks(measured, tmp_path):
    save_profile(measured, tmp_path / 'profile.json')
    other = load_profile(tmp_path / 'profile.json', 'other')
    assert other.app == 'other'
    assert other.is_same_as(replace(load_profile(tmp_path / 'profile.json', 'camera'), app='other'))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'none\.json cannot be read: No such file'):
        load_profile(tmp_path / 'none.json', 'camera')


def test_a_place_that_cannot_be_written_is_named(measured, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(ValueError, match=r'profile\.json cannot be written: '):
        save_profile(measured, tmp_path / 'file' / 'profile.json')


@pytest.mark.parametrize(
    'text',
    ['', '{"points": [', '[1, 2]', '{}', '{"points": {}}', '{"points": [{}]}', 'null', '"x"'],
)
def test_a_file_that_is_no_profile_is_named(tmp_path, text):
    (tmp_path / 'profile.json').write_text(text)
    with pytest.raises(ValueError, match=r'profile\.json is damaged'):
        load_profile(tmp_path / 'profile.json', 'camera')


@pytest.mark.parametrize(
    ('field', 'value'),
    [('latency_s', -1.0), ('latency_s', None), ('accuracy', 2.0), ('threads', -1), ('x', 1)],
)
def test_a_point_that_makes_no_sense_is_named(measured, tmp_path, field, value):
    file = tmp_path / 'profile.json'
    save_profile(measured, file)
    document = json.loads(file.read_text())
    document['points'][0][field] = value
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=rf'profile\.json is damaged: .*{field}'):
        load_profile(file, 'camera')
