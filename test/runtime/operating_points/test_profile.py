# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import dataclasses
import math

import pytest

from dynofa_ros.runtime import prune


@pytest.mark.parametrize(
    ('field', 'value', 'allowed'),
    [
        ('subnet_id', '', 'a name'),
        ('processor', '', 'a name'),
        ('threads', -1, '0 to 65536'),
        ('frequency_hz', 0.0, r'1000 to 1e\+12 or NaN'),
        ('frequency_hz', math.inf, r'1000 to 1e\+12 or NaN'),
        ('latency_s', 0.0, '1e-06 to 3600'),
        ('latency_s', 1e160, '1e-06 to 3600'),
        ('latency_s', math.nan, '1e-06 to 3600'),
        ('latency_std_s', -0.1, '0 to 3600'),
        ('energy_j', -1.0, r'0 to 1e\+06 or NaN'),
        ('accuracy', 75.0, '0 to 1'),
        ('accuracy', math.nan, '0 to 1'),
        ('flops', -1, r'0 to 1.84467e\+19'),
        ('engine', 'a\nb', 'at most 256 printable characters'),
        ('precision', 'x' * 257, 'at most 256 printable characters'),
    ],
)
def test_a_field_out_of_range_is_rejected(make_point, field, value, allowed):
    with pytest.raises(ValueError, match=rf'{field}.*expected .*{allowed}$'):
        make_point(**{field: value})


def test_energy_and_frequency_may_be_unknown(make_point):
    point = make_point(energy_j=math.nan, frequency_hz=math.nan)
    assert math.isnan(point.energy_j)


def test_a_profile_needs_a_point_and_a_name(make_profile, make_point):
    with pytest.raises(ValueError, match=r'points is empty'):
        make_profile()
    with pytest.raises(ValueError, match=r'app is empty'):
        make_profile(make_point(), app='')


def test_a_duplicate_point_is_rejected(make_profile, make_point):
    with pytest.raises(ValueError, match=r"'small'.*twice"):
        make_profile(make_point(latency_s=0.1), make_point(latency_s=0.2))


def test_points_at_two_frequencies_are_distinct(make_profile, make_point):
    profile = make_profile(make_point(frequency_hz=1e9), make_point(frequency_hz=2e9))
    assert len(profile.points) == 2


@pytest.mark.parametrize(
    ('clock_hz', 'expected_hz'),
    [(1e9, 1e9), (0.9999e9, 1e9), (0.7e9, 0.5e9), (0.1e9, 0.5e9), (3e9, 1e9), (math.nan, 1e9)],
)
def test_an_unprofiled_frequency_counts_as_the_next_lower_one(clocked, clock_hz, expected_hz):
    point = clocked().at(('small', 'torch', 'gpu', 1), clock_hz)
    assert point.frequency_hz == expected_hz


def test_an_unknown_sub_network_has_no_point(clocked):
    assert clocked().at(('huge', 'torch', 'gpu', 1), 1e9) is None


def test_pruning_drops_dominated_points(make_point):
    good = make_point('good', latency_s=0.03, energy_j=0.1, accuracy=0.8)
    dominated = make_point('dominated', latency_s=0.04, energy_j=0.1, accuracy=0.8)
    frugal = make_point('frugal', latency_s=0.04, energy_j=0.05, accuracy=0.8)
    assert prune([dominated, good, frugal]) == (good, frugal)


def test_pruning_keeps_points_of_other_frequencies_and_processors(make_point):
    good = make_point('good', latency_s=0.01, frequency_hz=2e9)
    other_clock = make_point('slow', latency_s=0.04, frequency_hz=1e9)
    other_place = make_point('cpu', latency_s=0.04, frequency_hz=2e9, processor='cpu')
    assert prune([good, other_clock, other_place]) == (good, other_clock, other_place)


def test_pruning_keeps_a_point_of_lower_variance(make_point):
    fast = make_point('fast', latency_s=0.03, latency_std_s=0.02)
    steady = make_point('steady', latency_s=0.04, latency_std_s=0.001)
    assert prune([fast, steady]) == (fast, steady)


def test_pruning_keeps_one_of_two_equal_points(make_point):
    first, second = make_point('first'), make_point('second')
    assert prune([first, second]) == (first,)


def test_an_unknown_energy_does_not_dominate_a_known_one(make_point):
    known = make_point('known', energy_j=5.0, latency_s=0.04)
    unknown = make_point('unknown', energy_j=math.nan, latency_s=0.03)
    assert prune([known, unknown]) == (known, unknown)


def test_a_profile_is_the_same_as_its_copy_with_unknown_values(make_point, make_profile):
    def profile(latency_s):
        unknown = {'frequency_hz': float('nan'), 'energy_j': float('nan')}
        return make_profile(make_point('large', latency_s=latency_s, **unknown))

    assert profile(0.03).is_same_as(profile(0.03))
    assert not profile(0.03).is_same_as(profile(0.04))


def test_the_number_of_points_is_limited(make_point, make_profile):
    points = (make_point('small', threads=1), make_point('small', threads=2))
    with pytest.raises(ValueError, match=r'points holds 20002 values; expected at most 20000'):
        make_profile(*points * 10_001)


def test_the_number_of_processors_is_limited(make_point, make_profile):
    points = [make_point(processor=f'cpu{index}') for index in range(65)]
    with pytest.raises(ValueError, match=r'processors holds 65 values; expected at most 64'):
        make_profile(*points)


VALID = {
    'threads': (0, 65536),
    'frequency_hz': (1e3, 1e12),
    'latency_s': (1e-6, 3600.0),
    'latency_std_s': (0.0, 3600.0),
    'latency_p95_s': (0.0, 3600.0),
    'energy_j': (0.0, 1e6),
    'accuracy': (0.0, 1.0),
    'flops': (0, 2**64 - 1),
    'parameters': (0, 2**64 - 1),
}


@pytest.mark.parametrize(('field', 'ends'), VALID.items())
def test_the_ends_of_each_range_are_allowed(make_point, field, ends):
    for end in ends:
        assert getattr(make_point(**{field: end}), field) == end
    below, above = ends[0] - 1, ends[1] * 2 + 2
    for outside in (below, above):
        with pytest.raises(ValueError, match=rf"^operating point 'small': {field} is "):
            make_point(**{field: outside})


@pytest.mark.parametrize('field', ['frequency_hz', 'latency_p95_s', 'energy_j'])
def test_what_may_be_unknown_is_nan(make_point, field):
    assert math.isnan(getattr(make_point(**{field: math.nan}), field))


@pytest.mark.parametrize('field', ['threads', 'latency_std_s', 'flops', 'parameters'])
def test_what_must_be_known_is_not_nan(make_point, field):
    with pytest.raises(ValueError, match=f'{field} is nan; expected'):
        make_point(**{field: math.nan})


@pytest.mark.parametrize('field', ['engine', 'precision'])
def test_engine_and_precision_may_be_unknown(make_point, field):
    assert getattr(make_point(**{field: ''}), field) == ''


def test_the_key_is_the_point_without_its_frequency(make_point):
    assert make_point('a', threads=3).key == ('a', 'torch', 'gpu', 3)


@pytest.mark.parametrize('field', ['supernet', 'platform', 'latency_source', 'energy_source'])
def test_other_names_of_a_profile_may_be_empty_but_not_unprintable(make_profile, make_point, field):
    profile = make_profile(make_point())
    assert getattr(dataclasses.replace(profile, **{field: ''}), field) == ''
    with pytest.raises(ValueError, match=rf"^{field} is '.n'; expected at most 256 printable"):
        dataclasses.replace(profile, **{field: '\n'})


def test_the_errors_of_a_profile_name_its_application(make_profile, make_point):
    with pytest.raises(ValueError, match=r'points is empty; expected one or more$'):
        make_profile(app='a')
    with pytest.raises(ValueError) as error:
        make_profile(*[make_point(frequency_hz=1e9)] * 2)
    assert str(error.value) == (
        "profile of 'camera': points holds ('small', 'torch', 'gpu', 1) at 1e+09 Hz twice; "
        'expected once'
    )


@pytest.mark.parametrize(('share', 'kept'), [(1.19, True), (1.21, False)])
@pytest.mark.parametrize('cost', ['latency_s', 'latency_std_s', 'energy_j'])
def test_a_point_that_is_little_worse_is_kept_with_a_margin(make_point, cost, share, kept):
    good = make_point('a', latency_s=0.05, latency_std_s=0.01, energy_j=0.5, accuracy=0.8)
    costs = {'latency_s': 0.1, 'latency_std_s': 0.02, 'energy_j': 1.0}
    costs[cost] = getattr(good, cost) * share
    worse = make_point('b', **costs, accuracy=0.7)
    assert prune([good, worse]) == (good,)
    assert prune([good, worse], margin=0.2) == ((good, worse) if kept else (good,))


def test_a_profile_lists_its_sub_networks_and_tables(make_profile, make_point):
    dominated = make_point('b', latency_s=0.08, energy_j=1.0, accuracy=0.6)
    profile = make_profile(dominated, make_point('a'), make_point('a', processor='cpu'))
    assert profile.subnet_ids == ('a', 'b')
    assert [each.subnet_id for each in profile.table.points] == ['a', 'a']
    assert profile.energy_known
    profile.prepare()
    assert {'table', '_by_key'} <= profile.__dict__.keys()


def test_one_unknown_energy_makes_latency_the_cost(make_profile, make_point):
    profile = make_profile(make_point('a'), make_point('b', energy_j=math.nan, accuracy=0.9))
    assert not profile.energy_known
    assert profile.table.cost_j.tolist() == profile.table.latency_s.tolist()


def test_a_point_without_a_frequency_is_below_all_others(make_profile, make_point):
    profile = make_profile(make_point(frequency_hz=1e9), make_point(frequency_hz=math.nan))
    key = make_point().key
    assert math.isnan(profile.at(key, 1e6).frequency_hz)
    assert profile.at(key, 2e9).frequency_hz == 1e9
    assert profile.at(key, math.nan).frequency_hz == 1e9


@pytest.mark.parametrize('field', ['latency_s', 'latency_std_s', 'energy_j'])
def test_pruning_compares_each_cost(make_point, field):
    better = make_point('better', latency_std_s=0.01)
    worse = dataclasses.replace(better, subnet_id='worse', **{field: 2 * getattr(better, field)})
    trade = dataclasses.replace(worse, subnet_id='trade', accuracy=better.accuracy + 0.01)
    assert prune([worse, trade, better]) == (trade, better)
