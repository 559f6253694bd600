"""benchmarks/switching.py: its figures fit together, and nothing unknown counts as reached."""

import json
import math
import subprocess
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

SWITCHES = 12


@pytest.fixture(scope='module')
def switching(load):
    return load('switching')


@pytest.fixture(scope='module')
def figures(switching, model_folder, tmp_path_factory):
    """What a trial writes, with a real node and a real camera."""
    folder = tmp_path_factory.mktemp('switching')
    file = folder / 'figures.json'
    options = ['--quick', '--engine', 'torch', '--threads', '1', '--switches', str(SWITCHES)]
    done = subprocess.run(
        [sys.executable, switching.__file__, *options, '--model', model_folder, '--json', file],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())


def run_of(ratio=1.0, p99=1e-5, **lost):
    losses = {'dropped': 0, 'refused': 0, 'never_arrived': 0} | lost
    rows = [{'inference_ratio': each, 'work_ratio': each} for each in (1.0, ratio)]
    return {'switch_s': {'p99': p99}, 'subnets': rows, 'losses': losses}


def test_every_switch_was_obeyed_and_timed(figures):
    assert figures['commanded'] == figures['applied'] == SWITCHES
    assert 0 < figures['seen_in_frames'] <= SWITCHES
    switch_s = figures['switch_s']
    assert 0 < switch_s['p50'] <= switch_s['p99'] <= switch_s['max']


def test_first_frames_and_others_are_of_the_same_sub_network(figures):
    assert [each['subnet_id'] for each in figures['subnets']] == ['small', 'middle', 'large']
    assert sum(each['first_frames'] for each in figures['subnets']) == figures['seen_in_frames']
    for row in figures['subnets']:
        if row['first_frames'] and row['other_frames']:
            ratio = row['first_inference_s'] / row['other_inference_s']
            assert row['inference_ratio'] == pytest.approx(ratio)
            assert row['first_work_s'] > row['first_inference_s']


def test_every_frame_is_accounted_for(figures):
    lost = figures['losses']
    assert lost['sent'] == figures['camera']['sent']['image'] > SWITCHES
    parts = ('classified', 'dropped', 'refused', 'never_arrived')
    assert sum(lost[part] for part in parts) == lost['sent']
    assert lost['never_arrived'] >= 0


def test_each_way_of_keeping_sub_networks_was_read_one_by_one(figures):
    memory = figures['memory']
    assert set(memory) == {'compiled', 'supernet', 'static'}
    for kind, readings in memory.items():
        names = ['small', 'large']
        assert list(readings['steps']) == (names if kind == 'static' else ['weights', *names])
        assert readings['base_bytes'] > 0
    assert memory['static']['steps']['large']['allocated_bytes'] > 0
    assert memory['supernet']['steps']['weights']['allocated_bytes'] > 0


def test_the_file_says_what_was_measured_on_which_machine(figures):
    assert figures['machine']['cpu']
    assert figures['engine'] == 'torch'
    assert figures['threads'] == 1
    assert figures['settings']['quick'] is True
    assert figures['residents'] >= 3
    assert [each['goal'] for each in figures['goals']] == [1.0, 1.2, 1.2, 0, 0]


def test_frames_after_a_switch_are_told_from_the_others(switching, make_frame):
    names = 'aabba'
    frames = [make_frame(index, subnet_id=name) for index, name in enumerate(names)]
    firsts, others = switching.split(frames[::-1])
    assert [each.sequence for each in firsts] == [3, 5]
    assert [each.sequence for each in others] == [2, 4]


def test_a_frame_whose_predecessor_is_unknown_is_neither(switching, make_frame):
    firsts, others = switching.split([make_frame(0), make_frame(2, subnet_id='b')])
    assert firsts == others == []


def test_medians_of_both_sides_are_compared(switching, make_frame):
    firsts = [make_frame(0, inference_s=s) for s in (10.0, 12.0, 99.0)]
    others = [make_frame(1, inference_s=s) for s in (1.0, 8.0, 9.0)]
    row = switching.compare('a', [*firsts, make_frame(2, subnet_id='b')], others)
    assert (row['first_frames'], row['other_frames']) == (3, 3)
    assert row['inference_ratio'] == 12 / 8
    assert row['work_ratio'] == (12 + 20) / (8 + 20)


def test_the_goals_are_met_where_all_are_reached(switching):
    assert all(each.met for each in switching.goals(run_of()))


@pytest.mark.parametrize(
    ('run', 'missed'),
    [
        (run_of(p99=0.0011), ['switch, p99 [ms]']),
        (run_of(ratio=1.3), ['first frame / others, inference', 'first frame / others, all work']),
        (
            run_of(ratio=math.nan),
            ['first frame / others, inference', 'first frame / others, all work'],
        ),
        (run_of(dropped=1), ['frames lost by the node']),
        (run_of(never_arrived=1), ['frames lost on the way to it']),
    ],
)
def test_the_worst_decides(switching, run, missed):
    assert [each.name for each in switching.goals(run) if not each.met] == missed


def test_without_two_residents_there_is_nothing_to_switch(switching):
    here = SimpleNamespace(subnet_id='a', processor='cpu', threads=1)
    elsewhere = SimpleNamespace(subnet_id='b', processor='cpu', threads=2)
    state = SimpleNamespace(processor='cpu', threads=1, residents=[here, elsewhere])
    with pytest.raises(ValueError, match='a; a switch needs two'):
        switching.resident_here(state)


def test_a_model_that_is_not_there_is_one_line(switching, capsys):
    assert switching.main(['--model', '/no/such/model']) == 1
    error = capsys.readouterr().err
    assert error.startswith('switching: ')
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        (['--switches', '0'], "'0' is no integer above 0"),
        (['--rate', '0'], 'rate is 0.0'),
        (['--rate', 'nan'], 'rate is nan'),
        (['--threads', '-1'], 'threads -1'),
    ],
)
def test_a_wrong_option_is_refused(switching, capsys, option, said):
    with pytest.raises(SystemExit):
        switching.main(option)
    assert said in capsys.readouterr().err
