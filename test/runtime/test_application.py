# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What the manager learns from the frames of an application that runs cascades."""

from dataclasses import replace

import pytest

from dynofa_ros.runtime import Cascade, FrameObservation, ManagerSettings, Target
from dynofa_ros.runtime.application import ManagedApplication

CASCADE = Cascade('s+l', ('small', 'large'), (0.8,), (0.3,), 0.79, (0.9, 0.7), (0.4,), 2500)


@pytest.fixture
def cascading(clocked):
    return replace(clocked(), cascades=(CASCADE,))


def observe(application, *stages, subnet_id='s+l', first_score=0.9, sequence=1):
    frame = FrameObservation(
        app='camera',
        sequence=sequence,
        subnet_id=subnet_id,
        engine='torch',
        processor='gpu',
        threads=1,
        inference_s=sum(each for _, each in stages),
        overhead_s=0.0,
        stages=stages,
        first_score=first_score,
    )
    return application.observe(frame, clocks_hz=iter((1e9,)), now_s=float(sequence))


def test_each_stage_updates_the_latency_of_its_own_sub_network(cascading):
    application = ManagedApplication(cascading, now_s=0.0)
    for sequence in range(1, 40, 2):
        observe(application, ('small', 0.02), sequence=sequence)
        observe(application, ('small', 0.02), ('large', 0.06), sequence=sequence + 1)
    state = application.state(Target(), now_s=50.0)
    slowdown, corrections = state.slowdown('gpu').mean, state.corrections
    assert slowdown * corrections['small', 'gpu'].mean == pytest.approx(1.0, abs=0.02)
    assert slowdown * corrections['large', 'gpu'].mean == pytest.approx(1.2, abs=0.03)
    assert ('s+l', 'gpu') not in corrections


def test_a_stage_that_the_profile_does_not_have_is_refused(cascading):
    application = ManagedApplication(cascading, now_s=0.0)
    with pytest.raises(
        ValueError, match=r"frame of 'camera' ran \('other', .*; expected operating"
    ):
        observe(application, ('small', 0.02), ('other', 0.05))


def test_the_first_score_counts_whatever_runs(cascading):
    application = ManagedApplication(cascading, now_s=0.0)
    for sequence in range(1, 101):
        score = 0.9 - 0.2 * (sequence % 2)
        stage = ('small', 0.02)
        observe(application, stage, subnet_id='small', first_score=score, sequence=sequence)
    assert application.escalation('s+l').observed == 0.5
    assert application.state(Target(), now_s=101.0).escalations['s+l'].observed == 0.5
    application.forget(now_s=1000.0, timeout_s=5.0)
    assert application.escalation('s+l') is None


def test_without_cascades_the_decision_does_not_know_them(cascading):
    application = ManagedApplication(cascading, cascades=False, now_s=0.0)
    assert application.profile.cascades == ()
    observe(application, ('small', 0.02), ('large', 0.05))  # of a node that has one pinned
    assert application.announced == cascading
    application.allow_cascades(True)
    assert application.profile.cascades == (CASCADE,)


def test_the_manager_turns_cascades_on_and_off(make_robot, cascading):
    robot = make_robot(cascading, cascades=False, objective='min_energy', min_accuracy=0.78)
    robot.platform()

    def decided():
        return robot.step().status.apps[0].choice.point.subnet_id

    assert decided() == 'large'
    robot.manager.set_profile(cascading)  # again: nothing new
    robot.manager.configure(
        ManagerSettings(objective='min_energy', min_accuracy=0.78, deadline_s=0.2)
    )
    assert decided() == 's+l'
    robot.manager.configure(replace(robot.manager.settings, cascades=False))
    assert decided() == 'large'
