# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Eight applications on eight processors spread, instead of piling up on the best few."""

import copy
from collections import Counter

import pytest
import yaml

from dynofa_ros.share import share_path
from dynofa_ros.simulation import simulate

KINDS = ('gpu', 'npu', 'dsp', 'gpu', 'npu', 'dsp', 'npu', 'dsp')
EQUAL = (1.0,) * 8
MIXED = (1.0, 0.8, 0.6, 0.9, 0.7, 0.5, 0.4, 0.3)
MOST_MISSED = 0.01
MOST_COMMANDS = 45  # in a minute, of which 16 as applications join: one for each and for its clock


def board(folder, *, speeds, contention):
    """Write a platform: the GPU of a Xavier NX eight times, slower or not, each in its domain."""
    nx = yaml.safe_load(share_path('config/platforms/jetson_xavier_nx.yaml').read_text())
    gpu, domain = nx['processors']['gpu'], nx['frequency_domains']['gpu']
    nx |= {'name': 'octo', 'processors': {}, 'frequency_domains': {}, 'thermal_zones': {}}
    for index, (kind, speed) in enumerate(zip(KINDS, speeds, strict=True)):
        processor = copy.deepcopy(gpu) | {'kind': kind, 'domain': f'd{index}'}
        processor['latency']['flop_per_cycle']['value'] *= speed
        processor['latency']['overhead_s_per_layer']['value'] /= max(speed, 0.5)
        processor['contention']['value'] = contention
        nx['processors'][f'p{index}'] = processor
        nx['frequency_domains'][f'd{index}'] = copy.deepcopy(domain)
    path = folder / 'board.yaml'
    path.write_text(yaml.safe_dump(nx))
    return str(path)


def cameras(folder, *, objective):
    """Write a scenario: eight cameras of different rates and deadlines."""
    periods_s = (0.1, 0.1, 0.1, 0.066, 0.066, 0.2, 0.2, 0.1)
    deadlines_s = (0.1, 0.1, 0.08, 0.066, 0.066, 0.2, 0.1, 0.1)
    path = folder / 'cameras.yaml'
    applications = {
        f'camera{index}': {
            'period_s': period_s,
            'period_jitter': 0.02,
            'targets': [{'deadline_s': deadline_s}],
        }
        for index, (period_s, deadline_s) in enumerate(zip(periods_s, deadlines_s, strict=True))
    }
    scenario = {'name': 'cameras', 'description': 'eight', 'duration_s': 60.0}
    scenario |= {'networks': 'dynamic_ofa', 'objective': objective, 'applications': applications}
    path.write_text(yaml.safe_dump(scenario))
    return str(path)


@pytest.mark.parametrize(
    ('speeds', 'objective'),
    [(EQUAL, 'max_accuracy'), (EQUAL, 'min_energy'), (MIXED, 'max_accuracy')],
    ids=['equal', 'equal, saving', 'mixed'],
)
def test_eight_applications_spread_over_eight_processors(tmp_path, speeds, objective):
    counts = Counter()
    result = simulate(
        board(tmp_path, speeds=speeds, contention=1.0),
        cameras(tmp_path, objective=objective),
        'ours',
        0,
        trace=lambda event: counts.update([event['event']]),
    )
    applications = result.applications.values()
    missed = sum(each.misses + each.dropped for each in applications)
    assert missed <= MOST_MISSED * sum(each.arrived for each in applications)
    assert counts['command'] + counts['clock_command'] <= MOST_COMMANDS


@pytest.mark.parametrize('contention', [0.5, 1.0])
def test_applications_that_share_processors_to_save_energy_hardly_miss(tmp_path, contention):
    result = simulate(
        board(tmp_path, speeds=MIXED, contention=contention),
        cameras(tmp_path, objective='min_energy'),
        'ours',
        0,
    )
    applications = result.applications.values()
    missed = sum(each.misses + each.dropped for each in applications)
    assert missed <= MOST_MISSED * sum(each.arrived for each in applications)
