# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The command `dynofa simulate`."""

import json

import pytest

from dynofa_ros.cli import main

SHORT = """
name: short
description: two seconds
duration_s: 2.0
networks: dynamic_ofa
applications:
  camera: {period_s: 0.1, processors: [gpu], targets: [{deadline_s: 0.06}]}
"""


@pytest.fixture
def scenario(tmp_path):
    file = tmp_path / 'short.yaml'
    file.write_text(SHORT)
    return str(file)


def test_the_written_figures_agree_with_the_written_events(tmp_path, scenario, capsys):
    figures, trace = tmp_path / 'figures.json', tmp_path / 'trace.jsonl'
    command = ['simulate', '--scenario', scenario, '--policy', 'ours', '--seed', '3']
    assert main([*command, '--json', str(figures), '--trace', str(trace)]) == 0
    written = json.loads(figures.read_text())
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    frames = [each for each in events if each['event'] == 'frame']
    camera = written['applications']['camera']
    assert (written['policy'], written['seed'], written['simulated']) == ('ours', 3, True)
    assert camera['frames'] == len(frames) == written['frames']
    assert camera['misses'] == sum(not each['met'] for each in frames)
    assert camera['latency_max_s'] == max(each['latency_s'] for each in frames)
    assert 'short on jetson_xavier_nx, ours, seed 3' in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'figures.json',
        'short.yaml',
        'trace.jsonl',
    ]


def test_the_same_seed_writes_the_same_bytes(tmp_path, scenario):
    files = [tmp_path / name for name in ('one.json', 'two.json')]
    for file in files:
        assert main(['simulate', '--scenario', scenario, '--json', str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ('option', 'named'),
    [
        (['--policy', 'warp'], "policy is 'warp'"),
        (['--platform', 'nope'], "platform is 'nope'"),
        (['--scenario', 'nope'], "scenario is 'nope'"),
        (['--json', '/nowhere/at/all.json'], '/nowhere/at/all.json cannot be written'),
    ],
)
def test_an_error_is_one_line_on_stderr(scenario, capsys, option, named):
    assert main(['simulate', '--scenario', scenario, *option]) == 1
    error = capsys.readouterr().err
    assert error.startswith('dynofa simulate: ')
    assert named in error
    assert error.count('\n') == 1


def test_a_failed_run_leaves_existing_files_unchanged(tmp_path, scenario):
    file = tmp_path / 'figures.json'
    file.write_text('before')
    command = ['simulate', '--scenario', scenario, '--policy', 'warp', '--json', str(file)]
    assert main(command) == 1
    assert file.read_text() == 'before'
    assert len(list(tmp_path.iterdir())) == 2
