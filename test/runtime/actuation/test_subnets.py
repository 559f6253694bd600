# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""When a command is sent again because its envelope changed."""

from dataclasses import replace

import pytest

from dynofa_ros.runtime import Choice, ManagerSettings, Objective, Slowdown, Target
from dynofa_ros.runtime.actuation.subnets import SubnetControl
from dynofa_ros.runtime.frame_choice import Envelope
from dynofa_ros.runtime.observation import SubnetObservation

SETTINGS = ManagerSettings()
SMALL, MEDIUM, LARGE = ((name, 'torch', 'gpu', 1) for name in ('small', 'medium', 'large'))
ENVELOPE = Envelope((LARGE, MEDIUM, SMALL), deadline_s=0.1)


class Control:
    """The commands to one application that obeys, at a time in seconds."""

    def __init__(self, make_point):
        self._control = SubnetControl('camera')
        self._point = make_point('large')
        self.now_s = 0.0

    def command(self, envelope=ENVELOPE):
        choice = Choice(
            app='camera',
            point=self._point,
            target=Target(deadline_s=0.1),
            predicted_latency_s=0.05,
            deadline_probability=0.99,
            slowdown=Slowdown(),
            violated_targets=(),
            reason='',
            envelope=envelope,
        )
        command = self._control.command(choice, now_s=self.now_s, settings=SETTINGS)
        if command is not None:
            self._control.observe(
                SubnetObservation('camera', 'large', 'gpu', command.sequence, True)
            )
        return command


@pytest.fixture
def control(make_point):
    control = Control(make_point)
    assert control.command().envelope == ENVELOPE
    return control


def test_the_same_envelope_is_commanded_once(control):
    assert control.command() is None
    assert control.command(replace(ENVELOPE, points=(LARGE, SMALL, MEDIUM))) is None


def test_a_point_that_frames_must_not_run_any_more_is_commanded_at_once(control):
    narrow = replace(ENVELOPE, points=(LARGE, SMALL))
    assert control.command(narrow).envelope == narrow


def test_a_further_point_is_commanded_after_the_hold_time(control):
    control.command(replace(ENVELOPE, points=(LARGE, SMALL)))
    assert control.command() is None
    control.now_s = SETTINGS.hold_s
    assert control.command().envelope == ENVELOPE


def test_a_point_that_comes_and_goes_is_not_commanded(control):
    narrow = replace(ENVELOPE, points=(LARGE, SMALL))
    control.command(narrow)
    for _ in range(20):
        control.now_s += 0.6 * SETTINGS.hold_s
        assert control.command() is None
        assert control.command(narrow) is None


@pytest.mark.parametrize(
    'change',
    [
        {'probability': 0.9},
        {'min_accuracy': 0.7},
        {'objective': Objective.MIN_ENERGY},
        {'energy_weight': 1.0},
    ],
)
def test_other_terms_are_commanded_at_once(control, change):
    assert control.command(replace(ENVELOPE, **change)) is not None


def test_no_envelope_at_all_is_a_change(control):
    assert control.command(None).envelope is None
    assert control.command(None) is None
    assert control.command() is not None
