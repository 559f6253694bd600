"""Nobody assumes that a command was obeyed; what is silent or refuses does not stop the rest."""

import math

import pytest

from dynofa_ros.runtime import (
    DomainObservation,
    FrameObservation,
    ManagerSettings,
    PlatformObservation,
    ResourceManager,
    SubnetObservation,
    TargetRequest,
)

SETTINGS = ManagerSettings(
    deadline_s=0.0, acknowledge_timeout_s=1.0, hold_s=10.0, report_timeout_s=5.0
)


class Time:
    now_s = 50.0


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def manager(time, clocked):
    manager = ResourceManager(SETTINGS, clock=lambda: time.now_s)
    manager.set_profile(clocked())
    manager.observe_battery(0.9)
    return manager


def platform(manager, *, clock_hz=1e9, sequence=0, applied=False, result=''):
    gpu = DomainObservation('gpu', ('gpu',), clock_hz, (0.5e9, 1e9), True)
    manager.observe_platform(PlatformObservation('board', (gpu,), sequence, applied, result))


def acknowledge(manager, command, *, applied=True, result=''):
    manager.observe_subnet(
        SubnetObservation(
            command.app, command.subnet_id, command.processor, command.sequence, applied, result
        )
    )


def frame(subnet_id='large', app='camera', inference_s=0.05):
    return FrameObservation(app, 1, subnet_id, 'torch', 'gpu', 1, inference_s, 0.0)


def test_an_unacknowledged_command_is_sent_again_and_finally_named(manager, time):
    sent = []
    for _ in range(30):
        outcome = manager.step()
        sent += [each.sequence for each in outcome.switches]
        time.now_s += 0.1
    assert sent == [1, 1, 1]
    assert 'camera has not acknowledged command 1 after 3 attempts' in outcome.status.warnings
    assert not outcome.status.apps[0].acknowledged


def test_a_refused_sub_network_gives_way_to_the_next_best_for_a_while(manager, time):
    acknowledge(manager, manager.step().switches[0], applied=False, result='weights missing')
    time.now_s += 1.0
    outcome = manager.step()
    assert outcome.switches[0].subnet_id == 'medium'
    assert 'camera refused large on gpu: weights missing' in outcome.status.warnings
    acknowledge(manager, outcome.switches[0])
    time.now_s += SETTINGS.hold_s
    # Asked again only once something makes the manager choose anew.
    manager.request_target(TargetRequest('camera', 1.0))
    assert manager.step().switches[0].subnet_id == 'large'


def test_a_restarted_application_is_told_again(manager, time):
    command = manager.step().switches[0]
    acknowledge(manager, command)
    time.now_s += 5.0
    manager.observe_subnet(SubnetObservation('camera', 'small', 'gpu', 0, False))
    assert manager.step().switches == (command,)


def test_a_refused_clock_is_left_alone_and_decided_around(manager, time):
    platform(manager)
    manager.request_target(TargetRequest('camera', 0.055))
    platform(manager, clock_hz=0.5e9)
    first = manager.step()
    assert first.clocks.clocks_hz == {'gpu': 1e9}
    assert first.switches[0].subnet_id == 'small'  # until the clock is there
    acknowledge(manager, first.switches[0])
    platform(manager, clock_hz=0.5e9, sequence=1, applied=False, result='no permission')
    time.now_s += 1.0
    outcome = manager.step()
    assert (outcome.switches, outcome.clocks) == ((), None)
    assert outcome.status.apps[0].choice.settled_point.subnet_id == 'small'
    assert not outcome.status.dvfs_acknowledged
    assert 'frequency of gpu cannot be set, not commanded: no permission' in outcome.status.warnings


def test_a_refused_clock_is_tried_again_after_a_while(manager, time):
    test_a_refused_clock_is_left_alone_and_decided_around(manager, time)
    time.now_s += SETTINGS.hold_s
    platform(manager, clock_hz=0.5e9)
    assert manager.step().clocks.sequence == 2


def test_a_clock_that_drifts_is_turned_back(manager, time):
    platform(manager)
    command = manager.step().clocks
    platform(manager, clock_hz=0.5e9, sequence=command.sequence, applied=True)
    time.now_s += 5.0
    platform(manager, clock_hz=1e9, sequence=command.sequence, applied=True)
    outcome = manager.step()
    assert outcome.clocks == command
    assert not outcome.status.dvfs_acknowledged


def test_a_platform_that_does_not_answer_is_not_asked_forever(manager, time):
    sent = 0
    for _ in range(60):
        platform(manager, clock_hz=1e9)
        sent += manager.step().clocks is not None
        time.now_s += 0.1
    assert sent == SETTINGS.acknowledge_attempts


def test_without_a_platform_sub_networks_are_still_switched(manager):
    manager.request_target(TargetRequest('camera', 0.06))
    outcome = manager.step()
    assert outcome.clocks is None
    assert outcome.switches[0].subnet_id == 'large'
    assert 'no platform_state: frequencies unknown, none commanded' in outcome.status.warnings


def test_clocks_of_a_platform_gone_silent_are_not_commanded(manager, time):
    platform(manager)
    manager.step()
    time.now_s += SETTINGS.report_timeout_s
    manager.request_target(TargetRequest('camera', 0.032))
    outcome = manager.step()
    assert outcome.clocks is None
    assert any('platform_state is 5.0 s old' in each for each in outcome.status.warnings)


def test_a_silent_application_does_not_hold_the_clock_for_others(manager, time, clocked):
    platform(manager)
    manager.request_target(TargetRequest('camera', 0.055))
    manager.set_profile(clocked('second'))
    assert manager.step().clocks.clocks_hz == {'gpu': 1e9}
    time.now_s += SETTINGS.report_timeout_s
    manager.observe_frame(frame(app='second'))
    platform(manager)
    outcome = manager.step()
    assert outcome.clocks.clocks_hz == {'gpu': 0.5e9}
    assert 'no frame_report for 5 s from camera' in outcome.status.warnings


def test_an_application_without_frames_still_hears_of_a_new_deadline(manager, time):
    manager.step()
    time.now_s += 60.0
    manager.request_target(TargetRequest('camera', 0.021))
    assert manager.step().switches[0].subnet_id == 'small'


def test_the_slowdown_of_a_silent_application_returns_to_one(manager, time):
    platform(manager)
    manager.step()
    for _ in range(5):
        manager.observe_frame(frame(inference_s=0.15))
    slow = manager.step().status.apps[0].choice.slowdown
    time.now_s += 120.0
    after = manager.step().status.apps[0].choice.slowdown
    assert slow.mean == pytest.approx(3.0, rel=0.05)
    assert after.mean == pytest.approx(1.0, abs=0.01)
    assert after.std > slow.std


def test_a_battery_gone_silent_is_unknown(manager, time):
    manager.observe_battery(0.1)
    time.now_s += SETTINGS.battery_timeout_s
    status = manager.step().status
    assert status.objective.value == 'max_accuracy'
    assert math.isnan(status.battery_percentage)
    assert 'battery charge unknown or stale: objective max_accuracy' in status.warnings


@pytest.mark.parametrize('charge', [7.0, -1.0, math.nan])
def test_an_impossible_charge_is_refused(manager, charge):
    with pytest.raises(ValueError, match=r'battery percentage is .*expected 0 to 1'):
        manager.observe_battery(charge)


def test_a_refused_charge_leaves_the_last_one_valid_but_nan_says_unknown(manager):
    with pytest.raises(ValueError, match=r'is 7'):
        manager.observe_battery(7.0)
    assert manager.step().status.battery_percentage == 0.9
    with pytest.raises(ValueError, match=r'is nan'):
        manager.observe_battery(math.nan)
    assert math.isnan(manager.step().status.battery_percentage)


def test_reports_of_unknown_applications_and_sub_networks_are_refused(manager):
    with pytest.raises(ValueError, match=r"application is 'other'; expected .*camera"):
        manager.observe_frame(frame(app='other'))
    with pytest.raises(ValueError, match=r'huge.*expected .*sub-networks large, medium, small'):
        manager.observe_frame(frame('huge'))
    with pytest.raises(ValueError, match=r"application is 'other'"):
        manager.observe_subnet(SubnetObservation('other', 'x', 'gpu', 0, False))


@pytest.mark.parametrize('inference_s', [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_latency_is_refused(inference_s):
    with pytest.raises(ValueError, match=r'inference_s is .*expected a finite number above 0'):
        frame(inference_s=inference_s)
