# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The deviation of frames from the model is estimated correctly."""

import math

import numpy as np
import pytest

from dynofa_ros.platform.frame_energy.sharing import MIN_COUNT, ModelSpread

NOISE_J2 = 4e-4


def spread_of(*, relative_std, ratio=3.0, count=400, seed=0):
    random = np.random.default_rng(seed)
    spread = ModelSpread()
    for index in range(count):
        modelled = random.uniform(0.5, 1.5, 3)
        actual_j = ratio * modelled * (1 + random.normal(0, relative_std, 3))
        above_j = float(actual_j.sum() + random.normal(0, NOISE_J2**0.5))
        spread.add(above_j=above_j, modelled=modelled, noise_j2=NOISE_J2, at_s=0.05 * index)
    return spread


@pytest.mark.parametrize('ratio', [0.3, 3.0])
@pytest.mark.parametrize('relative_std', [0.05, 0.2])
def test_the_deviation_is_estimated_in_any_unit_of_the_model(relative_std, ratio):
    estimate = spread_of(relative_std=relative_std, ratio=ratio).relative_std
    assert estimate == pytest.approx(relative_std, rel=0.25)


def test_noise_of_the_power_does_not_count_as_deviation():
    assert spread_of(relative_std=0.0).relative_std < 0.01


def test_the_deviation_is_100_percent_before_enough_intervals():
    spread = spread_of(relative_std=0.0, count=int(MIN_COUNT) - 1)
    assert spread.relative_std == 1.0
    assert math.isnan(spread.residual_j2)


def test_the_deviation_is_at_most_100_percent():
    assert spread_of(relative_std=5.0).relative_std <= 1.0
