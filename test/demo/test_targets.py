# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets of the demo: acts, keys, and the phases that they make."""

import pytest

from dynofa_ros.demo.scenario import ACTS, DemoScenario
from dynofa_ros.demo.targets import (
    BY_HAND,
    CAPS_W,
    COMPETITOR,
    DEADLINES_S,
    KEYS,
    NO_CAP_W,
    OBJECTIVES,
    QUIT,
    Direction,
    Targets,
)
from dynofa_ros.report.summary import RunPhase
from dynofa_ros.runtime import settings

TARGETS = Targets(deadline_s=0.1, min_accuracy=0.7)
SECONDS = 60.0


def direction():
    return Direction(
        DemoScenario(SECONDS),
        lambda act: Targets(act.deadline_rank, 0.5, act.co_runner_utilisation),
    )


def after(keys, targets=TARGETS):
    for key in keys:
        targets = targets.after(key)
    return targets


def test_the_objectives_are_those_of_the_manager():
    assert OBJECTIVES == settings.OBJECTIVES


def test_every_key_of_the_help_changes_a_target():
    explained = KEYS.removeprefix('keys: ').split(', ')
    keys = ''.join(each.split()[0].replace('/', '') for each in explained)
    assert keys == f'dDaApPoc{QUIT}'
    capped = after('pp')
    assert all(capped.after(key) != capped for key in keys.removesuffix(QUIT))


@pytest.mark.parametrize('keys', ['dD', 'aA', 'Aa', 'cc', 'o' * len(OBJECTIVES), 'pP'])
def test_a_change_can_be_undone(keys):
    assert str(after(keys)) == str(TARGETS)


def test_keys_without_a_meaning_change_nothing():
    assert after('x 7\n\x1b') == TARGETS


@pytest.mark.parametrize(
    ('key', 'name', 'limit'),
    [
        ('d', 'deadline_s', DEADLINES_S[0]),
        ('D', 'deadline_s', DEADLINES_S[1]),
        ('a', 'min_accuracy', 0.0),
        ('A', 'min_accuracy', 1.0),
        ('p', 'power_cap_w', CAPS_W[0]),
        ('P', 'power_cap_w', NO_CAP_W),
    ],
)
def test_no_key_leaves_the_allowed_range(key, name, limit):
    assert getattr(after(key * 200), name) == limit


def test_a_competing_program_comes_and_goes():
    assert [after('c' * count).co_runner_utilisation for count in range(3)] == [0, COMPETITOR, 0]


def test_targets_are_shown_in_one_line():
    assert str(after('ppc')) == (
        'deadline 100 ms, top-1 from 70.0%, auto, up to 19 W, competing program 60%'
    )


def test_without_keys_the_acts_follow_each_other():
    run = direction()
    targets = [run.at(phase.start_s) for phase in DemoScenario(SECONDS).phases]
    assert [each.deadline_s for each in targets] == [act.deadline_rank for act in ACTS]
    assert run.shown == ACTS[-1].name
    assert run.phases(SECONDS) == DemoScenario(SECONDS).phases
    assert not run.by_hand


def test_the_first_key_ends_the_acts():
    run = direction()
    run.at(0.0)
    shorter = run.at(3.0, 'd')
    assert run.at(40.0) == shorter
    assert (run.by_hand, run.shown) == (True, f'{BY_HAND}: {shorter}')
    assert run.phases(50.0) == (RunPhase(ACTS[0].name, 0.0, 3.0), RunPhase(BY_HAND, 3.0, 50.0))


def test_a_key_without_a_meaning_does_not_end_the_acts():
    run = direction()
    run.at(0.0, 'x')
    assert run.at(SECONDS - 1.0).deadline_s == ACTS[-1].deadline_rank


def test_a_key_at_once_leaves_no_empty_phase():
    run = direction()
    run.at(0.0, 'd')
    assert [phase.name for phase in run.phases(5.0)] == [BY_HAND]
