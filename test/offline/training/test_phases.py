# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from itertools import pairwise
from random import Random

import pytest

from dynofa_ros.offline.training.config import TrainingPlan
from dynofa_ros.offline.training.phases import phases, restricted
from dynofa_ros.supernet import create_supernet

PROGRESSIVE = TrainingPlan(method='progressive')


@pytest.fixture(scope='module')
def space():
    return create_supernet('ofa_mbv3_cifar10').space


def test_the_sandwich_rule_has_one_phase(space):
    (phase,) = phases(TrainingPlan(), space, 100)
    assert (phase.start, phase.end, phase.space) == (0, 100, space)


def test_progressive_shrinking_makes_kernel_depth_and_expand_ratio_elastic(space):
    assert [phase.name for phase in phases(PROGRESSIVE, space, 590)] == [
        'largest',
        'elastic ks, 3 values',
        'elastic d, 2 values',
        'elastic d, 3 values',
        'elastic e, 2 values',
        'elastic e, 3 values',
    ]


def test_phases_are_contiguous(space):
    for steps in (6, 7, 100, 590):
        parts = phases(PROGRESSIVE, space, steps)
        assert parts[0].start == 0
        assert parts[-1].end == steps
        assert all(a.end == b.start < b.end for a, b in pairwise(parts))


def test_phase_lengths_are_those_of_the_paper(space):
    parts = phases(PROGRESSIVE, space, 590_000)
    lengths = [round(phase.steps / 1000) for phase in parts]
    assert lengths == [180, 120, 25, 120, 25, 120]


def test_each_phase_samples_from_the_values_that_are_elastic_so_far(space):
    parts = phases(PROGRESSIVE, space, 590)
    depths = [phase.space.allowed('d') for phase in parts]
    assert depths == [(4,), (4,), (3, 4), (2, 3, 4), (2, 3, 4), (2, 3, 4)]
    ratios = [phase.space.allowed('e') for phase in parts]
    assert ratios == [(6,), (6,), (6,), (6,), (4, 6), (3, 4, 6)]
    for phase in parts:
        space.validate(phase.space.sample(Random(0)))


def test_channels_are_sorted_before_widths_shrink(space):
    sorting = [phase.name for phase in phases(PROGRESSIVE, space, 590) if phase.sorts_channels]
    assert sorting == ['elastic e, 2 values', 'elastic e, 3 values']


def test_a_run_with_fewer_steps_than_phases_is_refused(space):
    with pytest.raises(ValueError, match=r'the run has 5 steps; .* expects 6 or more'):
        phases(PROGRESSIVE, space, 5)


@pytest.mark.parametrize('family', ['ofa_mbv3_cifar10', 'tiny_transformer', 'tiny_mobilenet'])
def test_the_last_phase_has_the_whole_space(make_net, space, family):
    space = make_net(family).space if family.startswith('tiny') else space
    assert phases(PROGRESSIVE, space, 590)[-1].space == space


def test_a_restricted_space_has_the_largest_values(space):
    small = restricted(space, {'ks': 1, 'e': 2, 'd': 3})
    assert [small.allowed(field) for field in ('ks', 'e', 'd')] == [(7,), (4, 6), (2, 3, 4)]
