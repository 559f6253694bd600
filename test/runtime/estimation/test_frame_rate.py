import math

import numpy as np
import pytest

from dynofa_ros.runtime.estimation.frame_rate import CameraPeriod


def seen(*gaps_s: float) -> CameraPeriod:
    period = CameraPeriod()
    for gap_s in gaps_s:
        period.observe(gap_s)
    return period


def test_before_two_images_the_period_is_unknown():
    assert math.isnan(CameraPeriod().mean_s)


def test_jitter_is_averaged():
    jitter = np.random.default_rng(1).normal(0.1, 0.01, 300)
    assert seen(*jitter).mean_s == pytest.approx(0.1, rel=0.03)


@pytest.mark.parametrize('after_s', [0.05, 0.14, 0.4])
def test_a_new_frame_rate_is_known_after_two_images(after_s):
    period = seen(*[0.1] * 50)
    assert not period.observe(after_s)
    assert period.observe(after_s * 1.01)
    assert period.mean_s == pytest.approx(after_s, rel=0.01)


def test_one_late_image_is_no_new_frame_rate():
    assert seen(*[0.1] * 50, 0.19, 0.1, 0.1).mean_s == pytest.approx(0.1)


def test_a_late_image_and_the_early_one_after_it_are_no_new_frame_rate():
    assert seen(*[0.1] * 50, 0.16, 0.04, 0.1).mean_s == pytest.approx(0.1)


@pytest.mark.parametrize('gap_s', [0.0, -1.0, 60.0, math.nan])
def test_what_cannot_be_a_period_is_left_out(gap_s):
    assert seen(0.1, gap_s, gap_s).mean_s == 0.1
