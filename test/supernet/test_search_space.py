# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.supernet import SubnetConfigError
from dynofa_ros.supernet.search_space import ElasticDimension, SearchSpace, inverted_residual_space

SPACE = inverted_residual_space(
    kernel_sizes=(3, 5, 7),
    expand_ratios=(3, 4, 6),
    depths=(2, 3, 4),
    resolutions=(20, 32),
    stages=5,
)
LARGEST = SPACE.max_config()


def test_a_config_has_a_choice_for_each_block_at_full_depth():
    assert (len(LARGEST.ks), len(LARGEST.e), len(LARGEST.d)) == (20, 20, 5)


def test_the_largest_and_smallest_configs_have_extreme_values():
    smallest = SPACE.min_config()
    assert (set(LARGEST.ks), set(LARGEST.e), set(LARGEST.d), LARGEST.r) == ({7}, {6}, {4}, 32)
    assert (set(smallest.ks), set(smallest.e), set(smallest.d), smallest.r) == ({3}, {3}, {2}, 20)


@given(st.integers())
def test_every_sample_is_in_the_space(seed):
    SPACE.validate(SPACE.sample(Random(seed)))


def test_a_sample_depends_only_on_the_generator():
    assert SPACE.sample(Random(7)) == SPACE.sample(Random(7)) != SPACE.sample(Random(8))


def test_samples_cover_every_choice():
    rng = Random(0)
    drawn = [SPACE.sample(rng) for _ in range(50)]
    assert {k for each in drawn for k in each.ks} == {3, 5, 7}
    assert {e for each in drawn for e in each.e} == {3, 4, 6}
    assert {d for each in drawn for d in each.d} == {2, 3, 4}
    assert {each.r for each in drawn} == {20, 32}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'ks': (9,) + (3,) * 19}, r'ks\[0\] is 9; expected 3, 5, 7'),
        ({'e': (3,) * 19 + (5,)}, r'e\[19\] is 5; expected 3, 4, 6'),
        ({'d': (2, 2, 1, 2, 2)}, r'd\[2\] is 1; expected 2, 3, 4'),
        ({'r': 64}, 'r is 64; expected 20, 32'),
        ({'ks': (3,) * 19}, 'number of values of ks is 19; expected 20'),
        ({'d': ()}, 'number of values of d is 0; expected 5'),
    ],
)
def test_a_config_outside_the_space_is_refused(change, message):
    for check in (SPACE.validate, SPACE.canonical):
        with pytest.raises(SubnetConfigError, match=message):
            check(replace(LARGEST, **change))


def test_a_uniform_config_outside_the_space_is_refused():
    with pytest.raises(SubnetConfigError, match='ks is 4; expected 3, 5, 7'):
        SPACE.uniform(ks=4, e=3, d=2, r=32)


@pytest.mark.parametrize('missing', [{'ks': 3, 'e': 3, 'r': 32}, {'ks': 3, 'e': 3, 'd': 2}])
def test_a_uniform_config_needs_every_field(missing):
    with pytest.raises(SubnetConfigError, match=r'fields are .*; expected ks, e, d, r'):
        SPACE.uniform(**missing)


def test_building_a_config_validates_it():
    with pytest.raises(SubnetConfigError, match=r'd\[0\] is 5; expected 2, 3, 4'):
        SPACE.config(ks=(3,) * 20, e=(3,) * 20, d=(5,) * 5, r=32)


def test_an_entry_that_does_not_allow_a_uniform_value_takes_the_next_lower_one():
    space = SearchSpace(
        d=(ElasticDimension((0, 2)), ElasticDimension((0, 1, 2))), resolutions=(32,)
    )
    assert space.uniform(d=1, r=32).d == (0, 1)


def test_the_size_counts_every_network_once():
    space = inverted_residual_space(
        kernel_sizes=(3, 5), expand_ratios=(3,), depths=(1, 2), resolutions=(24, 32), stages=2
    )
    rng = Random(0)
    assert space.size == len({space.canonical(space.sample(rng)) for _ in range(2000)}) == 72


@pytest.mark.parametrize('allowed', [(), (3, 3), (5, 3)])
def test_empty_or_unordered_allowed_values_are_refused(allowed):
    with pytest.raises(ValueError, match=r'allowed is .*; expected ascending values'):
        ElasticDimension(allowed)


@pytest.mark.parametrize('resolutions', [(), (32, 32), (32, 24), (0, 32)])
def test_invalid_resolutions_are_refused(resolutions):
    with pytest.raises(ValueError, match='resolutions is'):
        SearchSpace(resolutions=resolutions)


def test_a_block_of_an_unknown_stage_is_refused():
    with pytest.raises(
        ValueError, match=r'runs_above of ks\[0\] is \(1, 0\); expected .* 1 entries'
    ):
        SearchSpace(
            ks=(ElasticDimension((3,), (1, 0)),), d=(ElasticDimension((1,)),), resolutions=(32,)
        )


def test_choices_of_skipped_blocks_do_not_change_the_canonical_form():
    shallow = replace(LARGEST, d=(2, 4, 4, 4, 4))
    other = replace(shallow, ks=(7, 7, 3, 5) + (7,) * 16, e=(6, 6, 4, 3) + (6,) * 16)
    assert SPACE.canonical(shallow) == SPACE.canonical(other)


def test_choices_of_active_blocks_change_the_canonical_form():
    other = replace(LARGEST, ks=(3,) + (7,) * 19)
    assert SPACE.canonical(other) != SPACE.canonical(LARGEST)


@given(st.integers())
def test_canonicalisation_is_idempotent(seed):
    canonical = SPACE.canonical(SPACE.sample(Random(seed)))
    assert SPACE.canonical(canonical) == canonical
