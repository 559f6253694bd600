"""Reports that get lost, air that is warm: what a scenario can do to a machine's senses."""

import dataclasses
import math

import pytest

from dynofa_ros.runtime import Target
from dynofa_ros.simulation import simulate
from dynofa_ros.simulation.policies.policy import Policy
from dynofa_ros.simulation.scenario import CoRunner, Outage, TargetChange


class Listening(Policy):
    """Counts the frames that it is told of."""

    def __init__(self, setup):
        self.heard = []
        Listening.last = self

    def joined(self, application):
        application.switch(next(iter(application.ways)))

    def finished(self, frame):
        self.heard.append(self.system.queue.now_s)


def test_a_policy_is_not_told_of_frames_while_their_reports_are_lost(board, make_scenario):
    scenario = make_scenario(outages=(Outage('frame_report', 0.25, 0.55),), duration_s=2.0)
    result = simulate(board, scenario, Listening, 0)
    heard = Listening.last.heard
    assert result.applications['camera'].frames > len(heard) > 0
    assert not [each for each in heard if 0.25 <= each < 0.55]


def test_ours_takes_no_notice_of_another_program_until_reports_are_back(
    board, make_scenario, make_application
):
    camera = make_application(targets=(TargetChange(0.0, Target(deadline_s=0.03)),))
    scenario = make_scenario(
        camera,
        co_runners=(CoRunner('gpu', 3.0, 0.8),),
        outages=(Outage('frame_report', 2.95, 4.0),),
        duration_s=6.0,
    )
    seen = []
    simulate(board, scenario, 'ours', 0, trace=seen.append)
    late_s = [e['arrived_s'] for e in seen if e['event'] == 'frame' and not e['met']]
    assert len([each for each in late_s if 3.0 <= each < 3.9]) == 9
    assert not [each for each in late_s if each > 4.4]


def test_ours_turns_no_clock_on_the_word_of_a_platform_that_is_silent(
    board, make_scenario, make_application
):
    plan = make_application(targets=(TargetChange(0.0, Target(deadline_s=0.1)),))
    scenario = make_scenario(plan, outages=(Outage('platform_state', 0.0, 5.0),), duration_s=4.9)
    assert simulate(board, scenario, 'ours', 0).clock_changes == {'cpu': 0, 'gpu': 0}


def test_a_battery_that_is_silent_is_no_reason_to_save(board, make_scenario):
    scenario = make_scenario(duration_s=5.0, battery_initial=0.2)
    silent = dataclasses.replace(scenario, outages=(Outage('battery', 0.0, 9.0),))
    saved, accurate = (simulate(board, each, 'ours', 0) for each in (scenario, silent))
    saving = saved.applications['camera'].accuracy
    assert saving < accurate.applications['camera'].accuracy


def test_an_outage_begins_and_ends_when_it_says(make_scenario):
    scenario = make_scenario(outages=(Outage('battery', 1.0, 2.0),))
    at = (0.9, 1.0, 1.9, 2.0)
    assert [scenario.lost('battery', time_s=each) for each in at] == [False, True, True, False]
    assert not scenario.lost('frame_report', time_s=1.5)


@pytest.mark.parametrize(('ambient_c', 'throttled'), [(math.nan, False), (50.0, True)])
def test_warm_air_makes_a_board_throttle(hot_board, make_scenario, ambient_c, throttled):
    scenario = make_scenario(duration_s=10.0, ambient_c=ambient_c)
    result = simulate(hot_board, scenario, 'static=small', 0)
    assert (result.throttled_s['GPU-therm'] > 0.0) is throttled
