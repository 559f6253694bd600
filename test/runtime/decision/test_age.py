# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The age of images on arrival, where deadlines count from their stamps."""

import math

import pytest

from dynofa_ros.runtime import ApplicationState, DecisionState, Slowdown, Target, decide


@pytest.fixture
def predict(clocked):
    """Return a function that decides at 1 GHz: 20, 30 or 50 ms; the choice of the application."""

    def predict(*, age_s, period_s=math.nan):
        application = ApplicationState(
            clocked(),
            Target(deadline_s=0.06),
            {'gpu': Slowdown(1.0, 0.0)},
            frame_period_s=period_s,
            age_s=age_s,
        )
        return decide(DecisionState((application,))).choices[0]

    return predict


def test_the_age_leaves_less_time(predict):
    assert predict(age_s=0.0).point.subnet_id == 'large'
    assert predict(age_s=0.02).point.subnet_id == 'medium'


def test_the_age_is_part_of_the_predicted_latency(predict):
    choice = predict(age_s=0.02)
    assert choice.predicted_latency_s == pytest.approx(choice.point.latency_s + 0.02)


def test_an_old_image_makes_no_other_image_wait(predict):
    assert predict(age_s=0.035, period_s=0.03).predicted_latency_s == pytest.approx(0.055)
