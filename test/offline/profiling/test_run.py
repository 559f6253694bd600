# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa profile` on a small model."""

import json
import math
from types import SimpleNamespace

import pytest

from dynofa_ros.cli import main
from dynofa_ros.engine import CompiledCache, choose, create_engine, networks
from dynofa_ros.offline.profiling import engines, run
from dynofa_ros.profiles.stored import StoredProfile

KEPT = ('small', 'middle', 'large')


@pytest.fixture(scope='module')
def profiled(model_folder, tmp_path_factory):
    """Folder of a profile of two engines and its figures."""
    folder = tmp_path_factory.mktemp('profiled') / 'new'
    files = ('--out', str(folder / 'profile.json'), '--json', str(folder / 'figures.json'))
    options = ('--engines', 'torch', 'onnxruntime', '--threads=1', '--rounds=3')
    assert main(['profile', '--model', str(model_folder), *files, *options]) == 0
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'profile.json'


@pytest.fixture
def profile(model_folder, out):
    """Return a function that profiles with one engine and returns the stored profile."""

    def profile(**changes):
        options = {'engines': ['torch'], 'threads': [1], 'rounds': 3, 'app': 'perception'}
        options |= {'model': str(model_folder), 'out': out, 'json': None}
        run.run_profile(**options | changes)
        return StoredProfile.load(out, 'camera').profile

    return profile


def test_every_kept_sub_network_is_measured_with_every_engine(profiled):
    profile = StoredProfile.load(profiled / 'profile.json', 'camera').profile
    assert sorted((p.subnet_id, p.engine, p.threads) for p in profile.points) == sorted(
        (subnet_id, engine, 1) for subnet_id in KEPT for engine in ('torch', 'onnxruntime')
    )
    assert all(0 < p.latency_s <= p.latency_p95_s for p in profile.points)
    assert (profile.latency_source, profile.app) == ('measured', 'camera')


def test_the_profile_applies_to_this_model_and_machine(profiled, model):
    stored = StoredProfile.load(profiled / 'profile.json', 'camera')
    nets = networks(model, CompiledCache(None))
    for name in ('torch', 'onnxruntime'):
        assert stored.mismatch(nets, create_engine(name)) == ''
    assert 'openvino' in stored.mismatch(nets, SimpleNamespace(name='openvino', version='1'))


def test_the_figures_are_the_profile_and_the_memory(profiled):
    figures = json.loads((profiled / 'figures.json').read_text())
    profile = json.loads((profiled / 'profile.json').read_text())
    memory = [row.pop('memory_bytes') for row in figures['rows']]
    assert figures['rows'] == profile['points']
    assert figures['measured_with'] == profile['measured_with'] | {'rounds': 3}
    # Growth of the process, which is 0 after it freed memory.
    assert min(memory) >= 0
    assert sum(memory) > 0


def test_the_table_has_a_row_for_each_point(profile, out, capsys):
    profile()
    text = capsys.readouterr().out
    for kept in KEPT:
        assert sum(line.split()[1:2] == [kept] for line in text.splitlines()) == 1
    assert f'{out} written' in text


def test_an_unavailable_engine_is_listed_with_the_reason(profile, capsys, monkeypatch):
    broken = engines.EngineError('steam cannot be imported: no coal')

    def create(name):
        if name == 'steam':
            raise broken
        return create_engine(name)

    monkeypatch.setattr(choose, 'create_engine', create)
    known = {'steam': None, 'torch': choose.ENGINES['torch']}
    monkeypatch.setattr(choose, 'ENGINES', known)
    assert {point.engine for point in profile(engines=['auto']).points} == {'torch'}
    assert 'not measured: steam cannot be imported: no coal' in capsys.readouterr().out


def test_without_a_sensor_energy_is_unavailable_with_the_reason(profile, tmp_path, capsys):
    measured = profile(powercap=tmp_path / 'none')
    assert measured.energy_source == 'unavailable'
    assert all(math.isnan(point.energy_j) for point in measured.points)
    assert 'energy: unavailable: ' in capsys.readouterr().out


def test_with_a_counter_that_does_not_advance_energy_is_unavailable(profile, tmp_path, capsys):
    zone = tmp_path / 'powercap' / 'intel-rapl:0'
    zone.mkdir(parents=True)
    for name, text in (('name', 'package-0'), ('max_energy_range_uj', '9'), ('energy_uj', '1')):
        (zone / name).write_text(text)
    assert profile(powercap=zone.parent).energy_source == 'unavailable'
    assert 'energy: unavailable: no sub-network on the CPU used more' in capsys.readouterr().out


def test_with_a_sensor_every_point_has_its_energy(profile, monkeypatch):
    energies = {(name, engines.Place('cpu', 1)): 0.1 for name in KEPT}
    monkeypatch.setattr(run, 'EnergyMeter', lambda root: None)
    monkeypatch.setattr(run, 'measure_energy', lambda blocks, meter, report: [energies])
    measured = profile()
    assert measured.energy_source == 'measured_rapl'
    assert {point.energy_j for point in measured.points} == {0.1}


def test_an_interruption_leaves_the_file_unchanged(model_folder, out, monkeypatch, capsys):
    def interrupt(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, 'measure_blocks', interrupt)
    out.write_text('before')
    given = ('--model', str(model_folder), '--out', str(out), '--engines', 'torch')
    assert main(['profile', *given]) == 130
    assert capsys.readouterr().err == 'dynofa profile: interrupted\n'
    assert [each.name for each in out.parent.iterdir()] == ['profile.json']
    assert out.read_text() == 'before'


@pytest.mark.parametrize(
    ('options', 'problem'),
    [
        (['--model', 'nothing'], "model is 'nothing'; expected a folder"),
        (['--engines', 'steam'], "engine is 'steam'; expected auto"),
        (['--engines', 'auto', 'torch'], 'engines is auto torch; expected auto alone'),
        (['--threads', '0'], 'threads is 0; expected 1 to '),
        (['--threads', '1', '100000'], 'threads is 100000; expected 1 to '),
        (['--rounds', '2'], 'rounds is 2'),
        (['--app', ' '], "app is ' '"),
        (['--json', '/'], '/ is a folder; expected a file'),
    ],
)
def test_an_invalid_option_is_rejected_and_nothing_is_written(
    model_folder, out, capsys, options, problem
):
    assert main(['profile', '--model', str(model_folder), '--out', str(out), *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith('dynofa profile: ')
    assert problem in error
    assert not out.exists()


def test_an_unwritable_file_is_rejected_before_the_measurement(
    model_folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(run, 'measure_blocks', None)  # fails when called
    (tmp_path / 'file').write_text('')
    out = str(tmp_path / 'file' / 'profile.json')
    assert main(['profile', '--model', str(model_folder), '--out', out]) == 1
    assert 'profile.json cannot be written: ' in capsys.readouterr().err
