# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What the perception node sees, and when it says so."""

from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')

from rclpy.node import Node
from rclpy.parameter import Parameter

from dynofa_ros.nodes.perception.attention import (
    CHECK_S,
    LEAD_S,
    AttentionSettings,
    SceneAttention,
    attention_settings,
    declare_attention,
)

LABELS = ('person', 'bicycle', 'car', 'dog')
HOLD_S = 4.0
SETTINGS = AttentionSettings(('person', 'dog'), 0.8, HOLD_S, 0.85, 3)


@pytest.fixture
def clock():
    return SimpleNamespace(now_s=100.0)


@pytest.fixture
def attention(clock):
    return SceneAttention(SETTINGS, clock=lambda: clock.now_s)


@pytest.fixture
def node(context):
    node = Node('perception', context=context, use_global_arguments=False)
    declare_attention(node)
    yield node
    node.destroy_node()


def test_a_label_with_the_score_starts_a_hold(attention):
    attention.see(('person', 'car'), (0.8, 0.2))
    seen = attention.present()
    assert (seen.label, seen.score, seen.left_s) == ('person', 0.8, HOLD_S)
    assert (seen.min_accuracy, seen.priority) == (0.85, 3)


@pytest.mark.parametrize(
    ('labels', 'scores'),
    [
        pytest.param(('person',), (0.79,), id='too low a score'),
        pytest.param(('car',), (0.99,), id='another label'),
        pytest.param((), (), id='no class'),
    ],
)
def test_nothing_else_does(attention, labels, scores):
    attention.see(labels, scores)
    assert attention.present() is None
    assert not attention.due()


def test_the_label_need_not_be_the_best_class(clock):
    low = SceneAttention(AttentionSettings(('dog',), 0.3), clock=lambda: clock.now_s)
    low.see(('car', 'dog'), (0.6, 0.3))
    assert low.present().label == 'dog'


def test_without_labels_it_is_off(clock):
    off = SceneAttention(AttentionSettings(), clock=lambda: clock.now_s)
    off.see(('person',), (1.0,))
    assert not off.enabled
    assert off.present() is None


def test_it_is_over_after_the_hold(attention, clock):
    attention.see(('person',), (0.9,))
    clock.now_s += HOLD_S - 0.01
    assert attention.present().left_s == pytest.approx(0.01)
    clock.now_s += 0.01
    assert attention.present() is None


def test_start_and_end_are_announced_once(attention, clock):
    attention.see(('person',), (0.9,))
    assert attention.due()
    assert attention.announce().label == 'person'
    assert not attention.due()
    clock.now_s += HOLD_S
    assert attention.due()
    assert attention.announce() is None
    assert not attention.due()


def test_a_label_that_stays_is_announced_seldom_and_before_its_hold_is_over(attention, clock):
    announced_until_s, announcements = [], 0
    for _ in range(300):  # 10 s at 30 Hz
        clock.now_s += 1.0 / 30.0
        attention.see(('person',), (0.9,))
        if attention.due():
            announcements += 1
            announced_until_s.append(clock.now_s + attention.announce().left_s)
        assert announced_until_s[-1] > clock.now_s
    assert announcements <= 11
    last_seen_s = clock.now_s
    while not attention.due():
        clock.now_s += CHECK_S
    assert announced_until_s[-1] - clock.now_s > LEAD_S - 2 * CHECK_S
    assert clock.now_s + attention.announce().left_s == pytest.approx(last_seen_s + HOLD_S)


def test_changed_settings_hold_for_what_was_seen(attention, clock):
    attention.see(('person',), (0.9,))
    attention.announce()
    attention.configure(AttentionSettings(('person',), 0.8, 1.0, 0.9, 0))
    assert attention.due()
    seen = attention.announce()
    assert (seen.left_s, seen.min_accuracy, seen.priority) == (1.0, 0.9, 0)


@pytest.mark.parametrize('labels', [(), ('car',)])
def test_a_label_that_is_no_longer_among_them_ends_at_once(attention, labels):
    attention.see(('person',), (0.9,))
    attention.announce()
    attention.configure(AttentionSettings(labels))
    assert attention.due()
    assert attention.announce() is None


def changed(value, name='attention.labels', kind=None):
    return [Parameter(name, kind, value) if kind else Parameter(name, value=value)]


@pytest.mark.parametrize(
    'change',
    [
        changed([''], kind=Parameter.Type.STRING_ARRAY),
        changed([], kind=Parameter.Type.STRING_ARRAY),
        changed([], kind=Parameter.Type.BOOL_ARRAY),  # as `ros2 param set` sends []
        changed(None, kind=Parameter.Type.NOT_SET),  # as a file with [] does
        [],
    ],
)
def test_it_is_off_without_labels_and_by_default(node, change):
    assert attention_settings(node, change, known=LABELS) == AttentionSettings()


def test_parameters_become_settings(node):
    changes = changed(['dog', 'person']) + changed(0.9, 'attention.min_accuracy')
    settings = attention_settings(node, changes, known=LABELS)
    assert settings == AttentionSettings(('dog', 'person'), min_accuracy=0.9)


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        (
            ['persons'],
            "attention.labels holds 'persons'; expected labels of the model: "
            'person, bicycle, car, dog',
        ),
        (
            ['car', 'Dog'],
            "attention.labels holds 'Dog'; expected labels of the model: dog, person, bicycle, car",
        ),
        ('person', "attention.labels is 'person'; expected a list of labels of the model"),
        ([1, 2], r'attention.labels is \[1, 2\]; expected a list of labels of the model'),
        (3.5, 'attention.labels is 3.5; expected a list of labels of the model'),
    ],
)
def test_labels_that_the_model_does_not_have_are_refused(node, value, text):
    with pytest.raises(ValueError, match=f'^{text}'):
        attention_settings(node, changed(value), known=LABELS)


def test_of_many_labels_those_alike_come_first(node):
    known = (*(f'class {each}' for each in range(1000)), 'tiger cat')
    with pytest.raises(ValueError, match=r'model: tiger cat, .* and \d+ more$'):
        attention_settings(node, changed(['tigercat']), known=known)


@pytest.mark.parametrize(
    ('name', 'value'),
    [('hold_s', 0.0), ('hold_s', 1e6), ('min_score', 1.1), ('priority', 1001)],
)
def test_values_out_of_range_are_refused(node, name, value):
    result = node.set_parameters(changed(value, f'attention.{name}'))[0]
    assert not result.successful
    assert name in result.reason
