# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from dynofa_ros.msg import PlatformState

from dynofa_ros.nodes.perception.platform_view import PlatformView, disagreement
from dynofa_ros.runtime import DomainObservation


class View(PlatformView):
    """A view at a time in seconds."""

    now_s = 100.0

    def __init__(self):
        super().__init__(clock=lambda: self.now_s)

    def gpu(self, frequency_hz, *, contention=()):
        self.observe(
            (DomainObservation('gpu', ('gpu', 'dla'), frequency_hz, (), True, contention),)
        )


@pytest.fixture
def view():
    return View()


def test_a_clock_is_unknown_before_the_first_state(view):
    assert math.isnan(view.clock_hz('gpu'))
    assert all(map(math.isnan, view.clocks_since('gpu', 0.0)))


def test_all_processors_of_a_domain_have_its_clock(view):
    view.gpu(1e9)
    assert view.clock_hz('gpu') == view.clock_hz('dla') == 1e9


def test_a_frame_may_have_run_at_the_clock_before_a_change(view):
    view.gpu(1e9)
    view.gpu(2e9)
    assert view.clocks_since('gpu', 99.9) == (2e9, 1e9)
    assert view.clocks_since('gpu', 100.05) == (2e9, 1e9)  # states are up to 0.1 s old
    assert view.clocks_since('gpu', 100.2) == (2e9,)


def test_a_state_without_a_change_changes_nothing(view):
    view.gpu(1e9)
    view.now_s = 200.0
    view.gpu(1e9)
    assert view.clocks_since('gpu', 150.0) == (1e9,)


@pytest.mark.parametrize(
    ('contention', 'expected'),
    [((1.0, 0.5), True), ((0.9, 0.0), True), ((0.8, 1.0), False), ((math.nan, 1.0), False)],
)
def test_frames_take_turns_by_the_contention_of_their_processor(view, contention, expected):
    view.gpu(1e9, contention=contention)
    assert view.takes_turns('gpu') is expected


def test_frames_take_no_turns_where_no_contention_is_known(view):
    assert not view.takes_turns('gpu')
    view.gpu(1e9)
    assert not view.takes_turns('gpu')


@pytest.mark.parametrize(
    ('theirs', 'ours'),
    [(('nx', True), ('nx', True)), (('some board', False), ('some description', False))],
)
def test_nodes_of_one_platform_agree(theirs, ours):
    state = PlatformState(platform=theirs[0], simulated=theirs[1])
    assert disagreement(state, platform=ours[0], simulated=ours[1]) == ''


@pytest.mark.parametrize(
    ('theirs', 'ours', 'text'),
    [
        (('nx', True), ('host', False), 'is of nx (simulated); expected host (measured)'),
        (('host', False), ('nx', True), 'is of host (measured); expected nx (simulated)'),
        (('nx', True), ('agx', True), 'is of nx (simulated); expected agx (simulated)'),
    ],
)
def test_nodes_of_different_platforms_say_so(theirs, ours, text):
    state = PlatformState(platform=theirs[0], simulated=theirs[1])
    assert text in disagreement(state, platform=ours[0], simulated=ours[1])
