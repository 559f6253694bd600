# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""benchmarks/node_overhead.py: its figures are consistent, and both sides are separate."""

import math

import pytest

pytestmark = [pytest.mark.usefixtures('ros'), pytest.mark.no_cover]


@pytest.fixture(scope='module')
def node_overhead(load):
    return load('node_overhead')


@pytest.fixture(scope='module')
def figures(run_script):
    """The figures of a trial with a real node, camera and subscriber."""
    done, document = run_script('node_overhead', '--compressed')
    assert done.returncode == 0, done.stderr
    return document


def row_of(added_s=1e-3, inference_s=1e-3, **lost):
    return {
        'images': 'x',
        'goal_ms': 3.0,
        'added_s': {'p50': added_s},
        'split_s': {'inference_s': {'p95': inference_s}},
        'losses': {'dropped': 0, 'refused': 0, 'never_arrived': 0} | lost,
    }


def test_raw_and_compressed_images_of_both_sizes_are_measured(figures):
    names = ['640x480', '1920x1080', '640x480-jpeg', '1920x1080-jpeg']
    assert [each['images'] for each in figures['rows']] == names
    sizes = [each['camera']['message_bytes'] for each in figures['rows']]
    assert sizes[:2] == [640 * 480 * 3, 1920 * 1080 * 3]
    assert all(jpeg < raw for jpeg, raw in zip(sizes[2:], sizes, strict=False))


def test_the_added_time_is_the_difference_of_both_sides(figures):
    for row in figures['rows']:
        assert 0 < row['node_frames'] <= row['losses']['sent']
        assert 0 < row['bare_frames'] <= row['camera']['sent']['bare/image']
        for name, added_s in row['added_s'].items():
            assert added_s == pytest.approx(row['node_s'][name] - row['bare_s'][name])
        assert row['node_s']['p50'] > row['split_s']['preprocess_s']['p50'] > 0


def test_every_frame_is_accounted_for(figures):
    for row in figures['rows']:
        lost = row['losses']
        parts = ('classified', 'dropped', 'refused', 'never_arrived')
        assert sum(lost[part] for part in parts) == lost['sent'] == 30
        assert min(lost['never_arrived'], row['bare_lost']) >= 0


def test_the_file_contains_machine_engine_and_settings(figures):
    assert figures['machine']['cpu']
    assert (figures['engine'], figures['subnet_id']) == ('torch', 'small')
    assert figures['settings']['quick'] is True
    added = [each for each in figures['goals'] if 'added' in each['name']]
    assert [each['goal'] for each in added] == [3.0, 6.0]


def test_a_row_excludes_other_cases_and_the_first_frames_of_a_block(
    node_overhead, load, make_frame
):
    frames = [make_frame(i, frame_id=f'640x480/{i}', total_s=63.0 + i) for i in range(8)]
    bare = {f'640x480/{i}': 1.0 + i for i in range(7)} | {'1920x1080/3': 99.0}
    lost = load('frames').losses(8, frames, set())
    row = node_overhead.row(node_overhead.RAW[0], frames, lost, bare, 4)
    assert (row['node_frames'], row['bare_frames']) == (2, 1)
    assert row['node_s']['p50'] == (58 + 62) / 2
    assert row['bare_s']['p50'] == 4
    assert row['added_s']['p50'] == 56
    assert row['split_s']['publish_s']['max'] == 39
    assert row['bare_lost'] == 1


def test_all_goals_can_be_met(node_overhead):
    assert [each.met for each in node_overhead.goals([row_of()], 1 / 30)] == [True] * 3


@pytest.mark.parametrize(
    ('row', 'missed'),
    [
        (row_of(added_s=0.0031), 'x: added by the node, p50 [ms]'),
        (row_of(added_s=math.nan), 'x: added by the node, p50 [ms]'),
        (row_of(refused=1), 'x: frames lost by the node'),
        (row_of(never_arrived=1), 'x: frames lost on the way to it'),
    ],
)
def test_a_goal_is_missed(node_overhead, row, missed):
    assert [e.name for e in node_overhead.goals([row], 1 / 30) if not e.met] == [missed]


def test_lost_frames_have_no_goal_if_the_inference_exceeds_the_period(node_overhead):
    found = node_overhead.goals([row_of(inference_s=0.05, dropped=9)], 1 / 30)
    assert [each.name for each in found] == ['x: added by the node, p50 [ms]']


@pytest.mark.parametrize(
    ('option', 'error'),
    [
        (['--seconds', '0'], 'seconds is 0.0; expected time for at least one frame'),
        (['--rate', '-1'], 'rate is -1.0; expected a number above 0'),
        (['--block', '3'], 'block is 3; expected more than the 3 excluded frames'),
        (['--block', '0'], "'0'; expected an integer above 0"),
    ],
)
def test_a_wrong_option_is_refused(refusal, option, error):
    assert error in refusal('node_overhead', option)


def test_an_unknown_sub_network_is_an_error_of_the_node(run_script):
    done, _ = run_script('node_overhead', '--subnet', 'tiny')
    assert done.returncode == 1
    assert "sub-network is 'tiny'" in done.stderr
    assert 'Traceback' not in done.stderr
