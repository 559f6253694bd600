"""What is not compiled yet, and who has time to wait for it."""

import pytest

from dynofa_ros.runtime import ApplicationState, DecisionState, Slowdown, Target, decide
from dynofa_ros.runtime.observation import ResidentPoint

SURE = {'gpu': Slowdown(mean=1.0, std=0.0)}


@pytest.fixture
def chosen(make_point, make_profile):
    """Return a function that decides between small and medium, given what is not ready."""
    small = make_point('small', latency_s=0.02, accuracy=0.70)
    medium = make_point('medium', latency_s=0.03, accuracy=0.75)
    large = make_point('large', latency_s=0.05, accuracy=0.80)
    points = {each.subnet_id: each for each in (small, medium, large)}

    def decide_between(*, current, unready, deadline_s=0.04):
        state = ApplicationState(
            profile=make_profile(*points.values()),
            target=Target(deadline_s, 0.0, 0),
            slowdowns=SURE,
            current=points.get(current),
            unready=frozenset(points[name].key for name in unready),
        )
        return decide(DecisionState(applications=(state,))).choices[0].point.subnet_id

    return decide_between


def test_what_is_late_takes_what_is_ready(chosen):
    assert chosen(current='large', unready=['medium']) == 'small'


def test_what_is_in_time_may_wait_for_the_better(chosen):
    assert chosen(current='small', unready=['medium']) == 'medium'


def test_at_first_what_is_ready_is_taken(chosen):
    assert chosen(current=None, unready=['medium']) == 'small'


def test_where_nothing_that_is_ready_is_in_time_the_best_is_waited_for(chosen):
    assert chosen(current='large', unready=['medium', 'small']) == 'medium'


def test_without_anything_unready_nothing_changes(chosen):
    assert chosen(current='large', unready=[]) == 'medium'


@pytest.mark.parametrize(
    ('resident', 'holds'),
    [
        (ResidentPoint('small', 'gpu', 1), True),
        (ResidentPoint('small', '', 0), True),
        (ResidentPoint('small', 'cpu', 1), False),
        (ResidentPoint('small', 'gpu', 2), False),
        (ResidentPoint('large', '', 0), False),
    ],
)
def test_a_resident_holds_the_points_of_its_place(make_point, resident, holds):
    assert resident.covers(make_point('small', processor='gpu', threads=1).key) is holds
