# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The manager with applications that have cascades: commands, residents, refusals and drift."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dynofa_ros.runtime import Cascade, FrameObservation, SubnetObservation
from dynofa_ros.runtime.observation import ResidentPoint, uncovered

CASCADE = Cascade('s+l', ('small', 'large'), (0.8,), (0.3,), 0.79, (0.9, 0.7), (0.4,), 2500)
HARD = (
    'the scene is harder than the images the thresholds were chosen on: '
    '70 % of frames are escalated, 30 % were'
)


@pytest.fixture
def cascading(clocked):
    return lambda app='camera': replace(clocked(app), cascades=(CASCADE,))


@pytest.fixture
def robot(make_robot, cascading):
    robot = make_robot(cascading(), deadline_s=0.5, min_accuracy=0.78, objective='min_energy')
    robot.platform()
    return robot


def run(robot, *, frames, hard_of_ten=0, hard=None, subnet_id='s+l', app='camera'):
    """Report frames of a cascade, some of ten or the `hard` ones escalated; then decide."""
    if hard is None:
        hard = [7 * index % 10 < hard_of_ten for index in range(frames)]
    for escalated in hard:
        robot.now_s += 0.1
        robot.frames[app] += 1
        number = robot.frames[app]
        stages = {
            's+l': (('small', 0.02), ('large', 0.05))[: 1 + int(escalated)],
            'small': (('small', 0.02),),
            'large': (('large', 0.05),),
        }[subnet_id]
        robot.manager.observe_frame(
            FrameObservation(
                app,
                number,
                subnet_id,
                'torch',
                'gpu',
                1,
                sum(each for _, each in stages),
                0.0,
                0.1 * number,
                stages=stages,
                first_score=0.5 if escalated else 0.95,
            )
        )
    return robot.step()


def status(output, app='camera'):
    return next(each for each in output.status.apps if each.choice.app == app)


def chosen(output, app='camera'):
    return status(output, app).choice.point.subnet_id


def report(robot, *residents, **change):
    values = {'subnet_id': 'small', 'processor': 'gpu', 'command_sequence': 0} | change
    robot.manager.observe_subnet(
        SubnetObservation(
            'camera',
            values['subnet_id'],
            values['processor'],
            values['command_sequence'],
            values.get('applied', False),
            values.get('result', ''),
            tuple(ResidentPoint(each, '', 0) for each in residents),
        )
    )


def test_a_cascade_is_commanded_by_its_name(robot):
    output = robot.step()
    command = output.switches[0]
    assert (command.subnet_id, command.processor, command.threads) == ('s+l', 'gpu', 1)
    assert command.envelope.points[0][0] == 's+l'
    assert robot.step().status.apps[0].acknowledged


def test_cascades_can_be_switched_off_and_on_while_it_runs(robot):
    assert chosen(robot.step()) == 's+l'
    robot.manager.configure(replace(robot.manager.settings, cascades=False))
    assert robot.manager.due
    output = robot.step()
    assert chosen(output) == 'large'
    assert 's+l' not in {key[0] for key in output.switches[0].envelope.points}
    robot.manager.configure(replace(robot.manager.settings, cascades=True))
    assert chosen(robot.step()) == 's+l'


def test_an_application_that_joins_while_cascades_are_off_runs_none(make_robot, cascading):
    robot = make_robot(
        cascading(), cascades=False, deadline_s=0.5, min_accuracy=0.78, objective='min_energy'
    )
    robot.manager.set_profile(cascading('late'))
    output = robot.step()
    assert {chosen(output), chosen(output, 'late')} == {'large'}


@pytest.mark.parametrize(
    ('residents', 'ready'),
    [
        pytest.param(('small', 'large'), True, id='both stages'),
        pytest.param(('s+l',), False, id='its name alone'),
        pytest.param(('small',), False, id='the first stage'),
        pytest.param(('large', 'medium'), False, id='the last stage'),
    ],
)
def test_a_cascade_is_ready_once_all_its_stages_are(residents, ready):
    key = ('s+l', 'torch', 'gpu', 1)
    residents = [ResidentPoint(each, '', 0) for each in residents]
    assert list(uncovered([key], residents, cascades=[CASCADE])) == ([] if ready else [key])


def test_stages_at_different_places_do_not_make_a_cascade_ready():
    residents = [ResidentPoint('small', 'gpu', 1), ResidentPoint('large', 'cpu', 1)]
    key = ('s+l', 'torch', 'gpu', 1)
    assert list(uncovered([key], residents, cascades=[CASCADE])) == [key]


def test_a_cascade_whose_stages_are_being_compiled_is_waited_for(robot):
    report(robot, 'small')
    command = robot.manager.step().switches[0]
    assert command.subnet_id == 's+l'
    report(robot, 'small', command_sequence=command.sequence, result='compiling s+l')
    robot.now_s += 1.0
    output = robot.manager.step()
    assert output.switches == ()
    assert not status(output).acknowledged
    report(
        robot, 'small', 'large', command_sequence=command.sequence, subnet_id='s+l', applied=True
    )
    output = robot.manager.step()
    assert (chosen(output), status(output).acknowledged) == ('s+l', True)


def test_a_ready_sub_network_serves_until_the_cascade_is_compiled(robot):
    robot.request(0.5, min_accuracy=0.72)
    report(robot, 'medium', subnet_id='medium')
    assert chosen(robot.manager.step()) == 'medium'
    robot.request(0.5, min_accuracy=0.78)
    assert chosen(robot.manager.step()) == 's+l'


def test_frames_keep_to_what_is_resident(robot):
    robot.step()
    report(robot, 'small', 'large', command_sequence=1, subnet_id='s+l', applied=True)
    robot.request(0.4)
    names = [key[0] for key in robot.step().switches[0].envelope.points]
    assert names[0] == 's+l'
    assert 'medium' not in names


def test_a_refused_cascade_is_left_out_but_its_stages_are_not(robot):
    command = robot.manager.step().switches[0]
    robot.acknowledge(command, applied=False, result='cascade s+l: large does not compile')
    robot.now_s += robot.manager.settings.acknowledge_timeout_s
    output = robot.manager.step()
    assert chosen(output) == 'large'
    text = 'camera refused s+l on gpu: cascade s+l: large does not compile'
    assert text in output.status.warnings
    robot.now_s += robot.manager.settings.hold_s
    run(robot, frames=1, hard_of_ten=0, subnet_id='small')
    robot.manager.request_mission(0.0)
    assert chosen(robot.manager.step()) == 's+l'


def test_the_shares_are_in_the_status(robot):
    robot.step()
    camera = status(run(robot, frames=100, hard_of_ten=3))
    assert camera.escalation_rate == pytest.approx(0.3)
    assert camera.measured_escalation_rate == pytest.approx(0.3)
    assert camera.doubt == ''


def test_without_frames_the_observed_share_is_unknown(robot):
    camera = status(robot.step())
    assert math.isnan(camera.escalation_rate)
    assert camera.measured_escalation_rate == pytest.approx(0.3)


def test_a_sub_network_has_no_shares(robot):
    robot.manager.configure(replace(robot.manager.settings, cascades=False))
    camera = status(robot.step())
    assert math.isnan(camera.escalation_rate)
    assert math.isnan(camera.measured_escalation_rate)


def drift_warnings(output):
    return [each for each in output.status.warnings if 'thresholds' in each]


def test_a_harder_scene_is_warned_of_with_the_remedy(robot):
    robot.step()
    assert not drift_warnings(run(robot, frames=100, hard_of_ten=3))
    output = run(robot, frames=400, hard_of_ten=7)
    assert drift_warnings(output) == [
        f'camera, cascade s+l: {HARD}; its accuracy is unknown: run dynofa cascade on images of '
        'this scene'
    ]
    if chosen(output) == 's+l':
        assert status(output).doubt == HARD


def test_the_warning_does_not_need_the_cascade_to_run(robot):
    robot.step()
    output = run(robot, frames=400, hard_of_ten=7, subnet_id='small')
    assert len(drift_warnings(output)) == 1
    assert not drift_warnings(run(robot, frames=400, hard_of_ten=3, subnet_id='small'))


def test_nothing_is_warned_of_while_cascades_are_off(robot):
    robot.manager.configure(replace(robot.manager.settings, cascades=False))
    robot.step()
    assert not drift_warnings(run(robot, frames=400, hard_of_ten=7, subnet_id='small'))


def test_of_two_applications_one_has_cascades(robot, clocked):
    robot.manager.set_profile(clocked('plain'))
    output = robot.step()
    assert chosen(output, 'plain') == 'large'
    for _ in range(40):
        run(robot, frames=10, hard_of_ten=7)
        robot.frame(app='plain', inference_s=0.05, period_s=0.1)
    output = robot.step()
    assert [each.split(',')[0] for each in drift_warnings(output)] == ['camera']
    assert math.isnan(status(output, 'plain').escalation_rate)


def test_each_stage_is_corrected_by_itself(robot):
    robot.step()
    run(robot, frames=50, hard_of_ten=3)
    state = robot.manager._apps['camera'].state(robot.manager._targets.target('camera'), now_s=0.0)
    assert {name for name, _ in state.corrections} == {'small', 'medium', 'large'}


@pytest.mark.parametrize('share', [0.5, 0.55, 0.6, 0.65])
def test_a_stationary_scene_does_not_switch_between_a_cascade_and_its_stage(
    make_robot, clocked, share
):
    cascade = replace(CASCADE, reached=(0.6,))  # costs as much as its last stage
    profile = replace(clocked(), cascades=(cascade,))
    robot = make_robot(profile, deadline_s=0.5, min_accuracy=0.78, objective='min_energy')
    robot.platform()
    rng, ran, changes, now = np.random.default_rng(7), 's+l', 0, robot.now_s
    for _ in range(120):
        hard = rng.random(10) < share
        output = run(robot, frames=10, hard=hard, subnet_id=ran)
        if output.switches and output.switches[-1].subnet_id != ran:
            ran, changes = output.switches[-1].subnet_id, changes + 1
    assert robot.now_s - now == pytest.approx(120.0)
    assert changes <= 3  # the first decision, and one a minute


def test_a_switch_between_a_cascade_and_its_stage_needs_no_compilation(robot):
    robot.step()
    report(robot, 'small', 'large', command_sequence=1, subnet_id='s+l', applied=True)
    robot.request(0.5, min_accuracy=0.795)
    output = robot.step()
    assert (chosen(output), output.switches[0].envelope.points[0][0]) == ('large', 'large')
    robot.request(0.5, min_accuracy=0.0)
    report(robot, 'small', 'large', command_sequence=2, subnet_id='large', applied=True)
    assert chosen(robot.step()) == 'small'
    robot.request(0.5, min_accuracy=0.78)
    report(robot, 'small', 'large', command_sequence=3, subnet_id='small', applied=True)
    assert chosen(robot.step()) == 's+l'
