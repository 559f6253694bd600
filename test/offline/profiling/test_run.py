"""`dynofa profile` on a small model: what it measures, writes and refuses."""

import json
import math
import os
from argparse import ArgumentParser
from types import SimpleNamespace

import pytest

from dynofa_ros.cli import main
from dynofa_ros.commands.profile import add_parser
from dynofa_ros.engine import CompiledCache, choose, create_engine, networks
from dynofa_ros.offline.profiling import engines as measure_engines
from dynofa_ros.offline.profiling import run as profile_command
from dynofa_ros.offline.profiling.run import run_profile
from dynofa_ros.profiles.stored import StoredProfile

KEPT = ('small', 'middle', 'large')


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
    """A folder for what is compiled, which is not the user's own."""
    before = os.environ.get('XDG_CACHE_HOME')
    os.environ['XDG_CACHE_HOME'] = str(tmp_path_factory.mktemp('cache'))
    yield
    if before is None:
        del os.environ['XDG_CACHE_HOME']
    else:
        os.environ['XDG_CACHE_HOME'] = before


def options(*arguments):
    parser = ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(['profile', '--threads=1', '--rounds=3', *map(str, arguments)])


@pytest.fixture(scope='module')
def profiled(model_folder, tmp_path_factory, cache):
    """Folder of a profile of two engines and its figures."""
    out = tmp_path_factory.mktemp('profiled') / 'new'
    given = ('--model', model_folder, '--out', out / 'profile.json', '--json', out / 'figures.json')
    assert run_profile(options(*given, '--engines', 'torch', 'onnxruntime')) == 0
    return out


@pytest.fixture
def refused(model_folder, tmp_path, capsys, cache):
    """Run the command on what is wrong; return what it says, once it is sure to leave no file."""

    def run(*arguments):
        out = tmp_path / 'out' / 'profile.json'
        assert main(['profile', '--model', str(model_folder), '--out', str(out), *arguments]) == 1
        assert not out.exists()
        return capsys.readouterr().err

    return run


def test_every_kept_sub_network_is_measured_with_every_engine(profiled):
    profile = StoredProfile.load(profiled / 'profile.json', 'camera').profile
    assert sorted((p.subnet_id, p.engine, p.threads) for p in profile.points) == sorted(
        (subnet_id, engine, 1) for subnet_id in KEPT for engine in ('torch', 'onnxruntime')
    )
    assert all(0 < p.latency_s <= p.latency_p95_s for p in profile.points)
    assert (profile.latency_source, profile.app) == ('measured', 'camera')


def test_the_profile_applies_to_the_model_here(profiled, model):
    stored = StoredProfile.load(profiled / 'profile.json', 'camera')
    nets = networks(model, CompiledCache(None))
    for name in ('torch', 'onnxruntime'):
        assert stored.why_not(nets, create_engine(name)) == ''
    assert 'openvino' in stored.why_not(nets, SimpleNamespace(name='openvino', version='1'))


def test_the_figures_are_those_of_the_profile_and_memory(profiled):
    figures = json.loads((profiled / 'figures.json').read_text())
    profile = json.loads((profiled / 'profile.json').read_text())
    memory = [row.pop('memory_bytes') for row in figures['rows']]
    assert figures['rows'] == profile['points']
    assert figures['measured_with'] == profile['measured_with'] | {'rounds': 3}
    # It is what the process grew by: one that freed memory before may grow by nothing.
    assert min(memory) >= 0
    assert sum(memory) > 0


def test_the_table_has_a_row_for_each_point(model_folder, tmp_path, capsys, cache):
    out = tmp_path / 'profile.json'
    run_profile(options('--model', model_folder, '--out', out, '--engines', 'torch'))
    text = capsys.readouterr().out
    for kept in KEPT:
        assert sum(line.split()[1:2] == [kept] for line in text.splitlines()) == 1
    assert f'{out} written' in text


def test_what_does_not_run_is_listed_with_the_reason(
    model_folder, tmp_path, capsys, cache, monkeypatch
):
    broken = measure_engines.EngineError('steam cannot be imported: no coal')

    def create(name):
        if name == 'steam':
            raise broken
        return create_engine(name)

    monkeypatch.setattr(choose, 'create_engine', create)
    known = {'steam': None, 'torch': choose.ENGINES['torch']}
    monkeypatch.setattr(choose, 'ENGINES', known)
    out = tmp_path / 'profile.json'
    run_profile(options('--model', model_folder, '--out', out))
    assert 'not measured: steam cannot be imported: no coal' in capsys.readouterr().out
    assert {p.engine for p in StoredProfile.load(out, 'camera').profile.points} == {'torch'}


def test_without_a_sensor_energy_is_unavailable_and_it_says_why(
    model_folder, tmp_path, capsys, cache
):
    out = tmp_path / 'profile.json'
    given = options('--model', model_folder, '--out', out, '--engines', 'torch')
    run_profile(given, powercap=tmp_path / 'none')
    assert 'energy: unavailable: ' in capsys.readouterr().out
    profile = StoredProfile.load(out, 'camera').profile
    assert profile.energy_source == 'unavailable'
    assert all(math.isnan(point.energy_j) for point in profile.points)


def test_a_sensor_that_stands_still_tells_no_energy(model_folder, tmp_path, capsys, cache):
    zone = tmp_path / 'powercap' / 'intel-rapl:0'
    zone.mkdir(parents=True)
    for name, text in (('name', 'package-0'), ('max_energy_range_uj', '9'), ('energy_uj', '1')):
        (zone / name).write_text(text)
    out = tmp_path / 'profile.json'
    given = options('--model', model_folder, '--out', out, '--engines', 'torch')
    run_profile(given, powercap=zone.parent)
    assert 'energy: unavailable: nothing on the CPU took more' in capsys.readouterr().out
    assert StoredProfile.load(out, 'camera').profile.energy_source == 'unavailable'


def test_with_a_sensor_every_point_has_its_energy(model_folder, tmp_path, cache, monkeypatch):
    energies = {(name, measure_engines.Place('cpu', 1)): 0.1 for name in KEPT}
    monkeypatch.setattr(profile_command, 'EnergyMeter', lambda root: None)
    monkeypatch.setattr(profile_command, 'measure_energy', lambda blocks, meter, report: [energies])
    out = tmp_path / 'profile.json'
    run_profile(options('--model', model_folder, '--out', out, '--engines', 'torch'))
    profile = StoredProfile.load(out, 'camera').profile
    assert profile.energy_source == 'measured_rapl'
    assert {point.energy_j for point in profile.points} == {0.1}


def test_interrupted_it_leaves_the_file_as_it_was(
    model_folder, tmp_path, cache, monkeypatch, capsys
):
    def interrupt(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(profile_command, 'measure_blocks', interrupt)
    out = tmp_path / 'profile.json'
    out.write_text('before')
    given = ('--model', str(model_folder), '--out', str(out), '--engines', 'torch')
    assert main(['profile', *given]) == 130
    assert capsys.readouterr().err == 'dynofa profile: interrupted\n'
    assert [each.name for each in tmp_path.iterdir()] == ['profile.json']
    assert out.read_text() == 'before'


@pytest.mark.parametrize(
    ('given', 'text'),
    [
        (['--model', 'nothing'], "model 'nothing' is no folder"),
        (['--engines', 'steam'], "engine is 'steam'; expected auto"),
        (['--engines', 'auto', 'torch'], 'engines is auto torch; expected auto alone'),
        (['--threads', '0'], 'threads is 0; expected 1 to '),
        (['--threads', '1', '100000'], 'threads is 100000; expected 1 to '),
        (['--rounds', '2'], 'rounds is 2'),
        (['--app', ' '], "app is ' '"),
        (['--json', '/'], '/ is a folder; name a file'),
    ],
)
def test_what_cannot_be_profiled_is_one_line(refused, given, text):
    error = refused(*given)
    assert error.startswith('dynofa profile: ')
    assert text in error


def test_a_place_that_cannot_be_written_is_refused_before_it_measures(
    model_folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(profile_command, 'measure_blocks', None)  # called, it would fail
    (tmp_path / 'file').write_text('')
    out = str(tmp_path / 'file' / 'profile.json')
    assert main(['profile', '--model', str(model_folder), '--out', out]) == 1
    assert 'profile.json cannot be written: ' in capsys.readouterr().err
