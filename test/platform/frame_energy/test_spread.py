"""How far frames are from the model, where that is known."""

import math

import numpy as np
import pytest

from dynofa_ros.platform.frame_energy.spread import LEAST_COUNT, ModelSpread

NOISE_J2 = 4e-4


def spread_of(*, relative_std, ratio=3.0, count=400, seed=0):
    random = np.random.default_rng(seed)
    spread = ModelSpread()
    for index in range(count):
        modelled_j = random.uniform(0.5, 1.5, 3)
        took_j = ratio * modelled_j * (1 + random.normal(0, relative_std, 3))
        above_j = float(took_j.sum() + random.normal(0, NOISE_J2**0.5))
        spread.add(above_j=above_j, modelled_j=modelled_j, noise_j2=NOISE_J2, at_s=0.05 * index)
    return spread


@pytest.mark.parametrize('relative_std', [0.05, 0.2])
def test_it_is_found_whatever_the_unit_of_the_model(relative_std):
    for ratio in (0.3, 3.0):
        found = spread_of(relative_std=relative_std, ratio=ratio).relative_std
        assert found == pytest.approx(relative_std, rel=0.25)


def test_noise_of_the_power_is_not_taken_for_it():
    assert spread_of(relative_std=0.0).relative_std < 0.01


def test_before_enough_was_seen_a_share_may_be_wrong_by_all_of_itself():
    spread = spread_of(relative_std=0.0, count=int(LEAST_COUNT) - 1)
    assert spread.relative_std == 1.0
    assert math.isnan(spread.residual_j2)


def test_it_is_never_more_than_all():
    assert spread_of(relative_std=5.0).relative_std <= 1.0
