# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets that are raised for a while because something important was seen."""

import dataclasses
import math

import pytest

from dynofa_ros.runtime import ManagerSettings, SubnetObservation, Target
from dynofa_ros.runtime.attention import Attention, Attentions
from dynofa_ros.runtime.targets import PRIORITY_RANGE

HOLD_S = 5.0
SEEN = Attention('person', 0.91, HOLD_S, min_accuracy=0.78)


@pytest.fixture
def robot(make_robot, clocked):
    return start(make_robot(clocked(), deadline_s=0.2, objective='min_energy'))


def start(robot):
    """Let the platform report, and each acknowledgement of a command what the camera sees."""

    def acknowledge(command):
        attention = left(robot) if command.app == 'camera' else None
        robot.manager.observe_subnet(
            SubnetObservation(
                command.app,
                command.subnet_id,
                command.processor,
                command.sequence,
                True,
                attention=attention,
            )
        )

    robot.seen, robot.acknowledge = (None, 0.0), acknowledge
    robot.platform()
    settle(robot)
    return robot


def left(robot):
    """Return what the camera sees with the rest of its hold."""
    attention, until_s = robot.seen
    if attention is None or until_s <= robot.now_s:
        return None
    return dataclasses.replace(attention, left_s=until_s - robot.now_s)


def settle(robot):
    """Decide until frequencies and sub-networks are as commanded; return the first decision."""
    first = robot.step()
    while robot.manager.due:
        robot.step()
    return first


def report(robot, attention=None):
    """Let the camera report its state, and return the decision of it if one is due."""
    robot.seen = (attention, robot.now_s + (attention.left_s if attention else 0.0))
    robot.manager.observe_subnet(
        SubnetObservation('camera', 'small', 'gpu', 1, True, attention=attention)
    )
    return settle(robot) if robot.manager.due else None


def choice(output, app='camera'):
    return next(each for each in output.status.apps if each.choice.app == app)


def chosen(output):
    return choice(output).choice.point.subnet_id


@pytest.mark.parametrize(('own', 'seen', 'raised'), [(0.7, 0.8, 0.8), (0.9, 0.8, 0.9)])
def test_the_higher_floor_holds(own, seen, raised):
    assert Attention('a', 0.5, 1.0, seen).raised(Target(min_accuracy=own)).min_accuracy == raised


def test_priorities_are_added_within_those_of_a_deadline():
    low, high = PRIORITY_RANGE
    assert Attention('a', 0.5, 1.0, priority=3).raised(Target(priority=-1)).priority == 2
    assert Attention('a', 0.5, 1.0, priority=5).raised(Target(priority=high - 1)).priority == high
    assert Attention('a', 0.5, 1.0, priority=-5).raised(Target(priority=low + 1)).priority == low


def test_the_deadline_stays():
    assert SEEN.raised(Target(deadline_s=0.05)).deadline_s == 0.05


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'label': ''}, 'attention_label is empty'),
        ({'label': 'x' * 1_000_000}, 'attention_label is .*expected at most 256 printable'),
        ({'score': math.nan}, 'attention_score is nan; expected 0 to 1'),
        ({'score': 1e160}, r'attention_score is 1e\+160; expected 0 to 1'),
        ({'left_s': 0.0}, 'attention_until is 0; expected above 0 to 600'),
        ({'left_s': 1e9}, r'attention_until is 1e\+09; expected above 0 to 600'),
        ({'min_accuracy': -0.1}, 'attention_min_accuracy is -0.1; expected 0 to 1'),
        ({'priority': 2**31}, 'attention_priority is 2.14748e'),
    ],
)
def test_an_impossible_value_is_refused_by_name(change, text):
    with pytest.raises(ValueError, match=f'^{text}'):
        Attention(**{'label': 'person', 'score': 0.9, 'left_s': 1.0} | change)


def test_what_is_seen_changes_the_decision_at_once(robot):
    assert choice(robot.step()).choice.point.subnet_id == 'small'
    output = report(robot, SEEN)
    assert chosen(output) == 'large'
    assert output.switches[0].envelope.min_accuracy == 0.78
    assert choice(output).attention == 'person 0.91 seen: floor 0.78 for 5.0 s more'


def test_nothing_is_downgraded_within_the_hold_and_it_ends_by_itself(robot):
    report(robot, SEEN)
    for _ in range(9):
        robot.now_s += 0.1 * HOLD_S
        assert not robot.manager.due
        assert chosen(settle(robot)) == 'large'
    robot.now_s += 0.1 * HOLD_S
    assert robot.manager.due
    output = robot.step()
    assert (chosen(output), choice(output).attention) == ('small', '')
    assert not robot.manager.due


def test_the_application_can_end_it(robot):
    report(robot, SEEN)
    assert chosen(report(robot)) == 'small'


def test_a_longer_hold_needs_no_decision(robot):
    report(robot, SEEN)
    robot.now_s += 4.0
    assert report(robot, SEEN) is None
    robot.now_s += 4.0
    assert chosen(settle(robot)) == 'large'
    robot.now_s += 1.0
    assert chosen(settle(robot)) == 'small'


def test_a_state_that_reports_the_same_as_before_needs_no_decision(robot):
    assert report(robot) is None
    report(robot, SEEN)
    assert report(robot, Attention('bicycle', 0.6, HOLD_S, min_accuracy=0.78)) is None


def test_another_floor_is_decided_at_once(robot):
    report(robot, SEEN)
    assert chosen(report(robot, Attention('dog', 0.6, HOLD_S, min_accuracy=0.72))) == 'medium'


def test_a_deadline_that_is_requested_meanwhile_keeps_the_floor(robot):
    report(robot, SEEN)
    robot.request(0.3, min_accuracy=0.1)
    assert chosen(settle(robot)) == 'large'


def test_it_ends_when_the_application_leaves(robot, clocked):
    report(robot, SEEN)
    robot.seen = (None, 0.0)
    robot.manager.remove('camera')
    robot.manager.set_profile(clocked())
    output = settle(robot)
    assert (chosen(output), choice(output).attention) == ('small', '')


def test_it_ends_for_an_application_that_hangs(robot):
    report(robot, SEEN)
    robot.now_s += 2.0 * ManagerSettings.report_timeout_s - 1.0
    assert chosen(settle(robot)) == 'small'


def test_it_holds_with_a_new_profile(robot, clocked):
    report(robot, SEEN)
    robot.manager.set_profile(dataclasses.replace(clocked(), supernet='other'))
    assert chosen(settle(robot)) == 'large'


def test_only_the_application_that_saw_it_gets_the_priority(robot, clocked):
    robot.manager.set_profile(clocked('other'))
    output = report(robot, Attention('person', 0.9, HOLD_S, priority=7))
    assert choice(output).attention == 'person 0.90 seen: priority +7 for 5.0 s more'
    assert choice(output).choice.target.priority == 7
    assert choice(output, 'other').choice.target.priority == 0


def test_a_floor_that_no_point_reaches_is_said_to_be_violated(robot):
    output = report(robot, Attention('person', 0.9, HOLD_S, min_accuracy=0.99))
    assert choice(output).choice.violated_targets == ('min_accuracy',)
    assert chosen(output) == 'large'


def test_what_raises_nothing_is_not_shown(robot):
    assert report(robot, Attention('person', 0.9, HOLD_S)) is None
    assert choice(robot.step()).attention == ''


def test_attentions_of_several_applications_end_one_by_one():
    attentions = Attentions()
    assert attentions.observe('a', SEEN, now_s=0.0)
    assert attentions.observe('b', SEEN, now_s=2.0)
    assert attentions.over(now_s=HOLD_S) == ['a']
    assert attentions.end(now_s=HOLD_S)
    assert attentions.raised('a', Target()) == Target()
    assert attentions.raised('b', Target()).min_accuracy == SEEN.min_accuracy
    assert not attentions.end(now_s=HOLD_S)
