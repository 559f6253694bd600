# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from dynofa_ros.runtime import ApplicationState, Slowdown
from dynofa_ros.runtime.decision.prediction import power_of_point_w, powers_w, total_power_w


@pytest.fixture
def point(make_point):
    return make_point(latency_s=0.04, energy_j=0.1)


def test_power_is_energy_times_frame_rate(make_profile, point):
    application = ApplicationState(make_profile(point), frame_period_s=0.1)
    assert power_of_point_w(application, point) == pytest.approx(1.0)


def test_the_frame_rate_is_limited_by_the_latency(make_profile, point):
    application = ApplicationState(
        make_profile(point),
        slowdowns={'gpu': Slowdown(2.0, 0.0)},
        overhead_s=0.02,
        frame_period_s=0.05,
    )
    assert power_of_point_w(application, point) == pytest.approx(1.0)


def test_with_an_unknown_camera_the_latency_sets_the_frame_rate(make_profile, point):
    assert power_of_point_w(ApplicationState(make_profile(point)), point) == pytest.approx(2.5)


def test_with_an_unknown_energy_the_power_is_zero(make_profile, make_point, point):
    profile = make_profile(point, make_point('unknown', energy_j=math.nan))
    application = ApplicationState(profile)
    assert power_of_point_w(application, point) == 0.0
    assert not powers_w(application).any()


@pytest.mark.parametrize('period_s', [math.nan, 0.03, 0.3])
def test_the_power_of_a_table_is_that_of_its_points(clocked, period_s):
    application = ApplicationState(
        clocked(),
        slowdowns={'gpu': Slowdown(1.5, 0.1)},
        overhead_s=0.01,
        frame_period_s=period_s,
    )
    points = application.profile.table.points
    singly = [power_of_point_w(application, each) for each in points]
    np.testing.assert_allclose(powers_w(application), singly)


def test_powers_of_applications_are_summed(make_profile, point):
    one = ApplicationState(make_profile(point, app='one'), frame_period_s=0.1)
    two = ApplicationState(make_profile(point, app='two'), frame_period_s=0.2)
    assert total_power_w([one, two], [point, point]) == pytest.approx(1.5)
