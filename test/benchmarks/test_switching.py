# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""benchmarks/switching.py: its figures are consistent, and unknown figures miss their goals."""

import math
from types import SimpleNamespace

import pytest

pytestmark = [pytest.mark.usefixtures('ros'), pytest.mark.no_cover]

SWITCHES = 12


@pytest.fixture(scope='module')
def switching(load):
    return load('switching')


@pytest.fixture(scope='module')
def figures(run_script):
    """The figures of a trial with a real node and a real camera."""
    done, document = run_script('switching', '--switches', str(SWITCHES))
    assert done.returncode == 0, done.stderr
    return document


def run_of(ratio=1.0, p99=1e-5, **lost):
    losses = {'dropped': 0, 'refused': 0, 'never_arrived': 0} | lost
    rows = [{'inference_ratio': each, 'work_ratio': each} for each in (1.0, ratio)]
    return {'switch_s': {'p99': p99}, 'subnets': rows, 'losses': losses}


def test_every_switch_is_applied_and_timed(figures):
    assert figures['commanded'] == figures['applied'] == SWITCHES
    assert 0 < figures['seen_in_frames'] <= SWITCHES
    switch_s = figures['switch_s']
    assert 0 < switch_s['p50'] <= switch_s['p99'] <= switch_s['max']


def test_first_frames_are_compared_with_others_of_the_same_sub_network(figures):
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


def test_memory_is_read_after_each_sub_network(figures):
    memory = figures['memory']
    assert set(memory) == {'compiled', 'supernet', 'static'}
    for kind, readings in memory.items():
        names = ['small', 'large']
        assert list(readings['steps']) == (names if kind == 'static' else ['weights', *names])
        assert readings['base_bytes'] > 0
    assert memory['static']['steps']['large']['allocated_bytes'] > 0
    assert memory['supernet']['steps']['weights']['allocated_bytes'] > 0


def test_the_file_contains_machine_engine_and_settings(figures):
    assert figures['machine']['cpu']
    assert figures['engine'] == 'torch'
    assert figures['threads'] == 1
    assert figures['settings']['quick'] is True
    assert figures['residents'] >= 3
    assert [each['goal'] for each in figures['goals']] == [1.0, 1.2, 1.2, 0, 0]


def test_first_frames_after_a_switch_are_separated_from_the_others(switching, make_frame):
    names = 'aabba'
    frames = [make_frame(index, subnet_id=name) for index, name in enumerate(names)]
    firsts, others = switching.split(frames[::-1])
    assert [each.sequence for each in firsts] == [3, 5]
    assert [each.sequence for each in others] == [2, 4]


def test_a_frame_with_an_unknown_predecessor_is_excluded(switching, make_frame):
    firsts, others = switching.split([make_frame(0), make_frame(2, subnet_id='b')])
    assert firsts == others == []


def test_medians_of_both_sides_are_compared(switching, make_frame):
    firsts = [make_frame(0, inference_s=s) for s in (10.0, 12.0, 99.0)]
    others = [make_frame(1, inference_s=s) for s in (1.0, 8.0, 9.0)]
    row = switching.compare('a', [*firsts, make_frame(2, subnet_id='b')], others)
    assert (row['first_frames'], row['other_frames']) == (3, 3)
    assert row['inference_ratio'] == 12 / 8
    assert row['work_ratio'] == (12 + 20) / (8 + 20)


def test_all_goals_can_be_met(switching):
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
def test_the_worst_sub_network_decides(switching, run, missed):
    assert [each.name for each in switching.goals(run) if not each.met] == missed


def test_fewer_than_two_residents_are_refused(switching):
    here = SimpleNamespace(subnet_id='a', processor='cpu', threads=1)
    elsewhere = SimpleNamespace(subnet_id='b', processor='cpu', threads=2)
    state = SimpleNamespace(processor='cpu', threads=1, residents=[here, elsewhere])
    with pytest.raises(ValueError, match='threads is a; expected at least two'):
        switching.switchable(state)


def test_a_missing_model_is_a_one_line_error(switching, capsys):
    assert switching.main(['--model', '/no/such/model']) == 1
    error = capsys.readouterr().err
    assert error.startswith('switching: ')
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ('option', 'error'),
    [
        (['--switches', '0'], "'0'; expected an integer above 0"),
        (['--rate', '0'], 'rate is 0.0; expected a number above 0'),
        (['--rate', 'nan'], 'rate is nan; expected a number above 0'),
        (['--threads', '-1'], 'threads is -1; expected 0 or an integer above 0'),
    ],
)
def test_a_wrong_option_is_refused(refusal, option, error):
    assert error in refusal('switching', option)
