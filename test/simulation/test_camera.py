"""When images arrive: at a camera's rate, in bursts, and never out of order."""

import itertools
import math

import pytest
from pytest import approx

from dynofa_ros.simulation.camera import images
from dynofa_ros.simulation.scenario import Burst


def arrivals(plan, *, until_s, seed=0):
    coming = images(plan, latency_jitter=0.0, seed=seed)
    return [e.arrived_s for e in itertools.takewhile(lambda e: e.arrived_s < until_s, coming)]


def test_a_camera_takes_an_image_every_period(make_application):
    assert arrivals(make_application(join_s=1.0), until_s=1.45) == approx([1.0, 1.1, 1.2, 1.3, 1.4])


def test_a_burst_has_a_period_of_its_own(make_application):
    plan = make_application(bursts=(Burst(0.2, 0.4, 0.05),))
    assert arrivals(plan, until_s=0.65) == approx([0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6])


def test_a_burst_between_two_images_begins_at_its_own_time(make_application):
    plan = make_application(bursts=(Burst(0.25, 0.31, 0.02),))
    assert arrivals(plan, until_s=0.45) == approx([0, 0.1, 0.25, 0.27, 0.29, 0.31, 0.41])


def test_a_burst_that_has_begun_before_an_application_joins(make_application):
    plan = make_application(join_s=1.0, bursts=(Burst(0.0, 0.5, 0.01), Burst(0.9, 1.2, 0.05)))
    assert arrivals(plan, until_s=1.35) == approx([1.0, 1.05, 1.1, 1.15, 1.2, 1.3])


def test_a_burst_may_never_end(make_application):
    plan = make_application(bursts=(Burst(0.2, math.inf, 0.4),))
    assert arrivals(plan, until_s=1.1) == approx([0.0, 0.1, 0.2, 0.6, 1.0])


@pytest.mark.parametrize('seed', range(5))
def test_no_image_overtakes_another(make_application, seed):
    plan = make_application(
        period_jitter=0.15, bursts=(Burst(0.33, 0.71, 0.03), Burst(1.0, 2.0, 0.25))
    )
    found = arrivals(plan, until_s=5.0, seed=seed)
    assert all(before < after for before, after in itertools.pairwise(found))
