# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A sub-network that is slower than its profile states must not hide others from the decision."""


def hidden(make_point, make_profile):
    """Return a profile in which the first sub-network seems better than all others."""
    return make_profile(
        make_point('a', latency_s=0.02, energy_j=0.1, accuracy=0.8),
        make_point('b', latency_s=0.03, energy_j=0.2, accuracy=0.7),
        make_point('c', latency_s=0.04, energy_j=0.3, accuracy=0.6),
    )


def names(profile):
    return {each.subnet_id for each in profile.table.points}


def test_points_of_an_unlike_sub_network_are_kept_and_hide_no_other(make_point, make_profile):
    profile = hidden(make_point, make_profile)
    assert names(profile) == {'a'}
    assert names(profile.with_unlike(('a', 'gpu'))) == {'a', 'b'}
    assert names(profile.with_unlike(('c', 'gpu'))) == {'a', 'c'}
    assert names(profile.with_unlike(('a', 'cpu'))) == {'a'}


def test_another_sub_network_runs_once_the_best_one_turns_out_slow(
    make_robot, make_point, make_profile
):
    robot = make_robot(hidden(make_point, make_profile), deadline_s=0.049)
    assert robot.step().switches[0].subnet_id == 'a'
    for _ in range(10):
        robot.frame('a', 0.05)
    assert robot.step().switches[0].subnet_id == 'b'
