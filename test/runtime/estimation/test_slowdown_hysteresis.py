# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The slowdown that decisions use follows significant changes, not every new estimate."""

import pytest

from dynofa_ros.runtime.estimation.slowdown import (
    LEARNING_FRAMES,
    LOWER_FOR_S,
    Slowdown,
    SlowdownHysteresis,
)


def learned(mean: float, std: float, *, frames: int = LEARNING_FRAMES) -> Slowdown:
    """An estimate after this many frames, none slower than its mean."""
    return Slowdown(mean, std, (mean,) * frames)


STD = 0.03
FIRST = learned(1.2, STD)
SLIGHTLY_LOWER = learned(1.19, STD)
LOWER = learned(1.13, STD)  # by more than the margin and less than a standard deviation
MUCH_LOWER = learned(1.0, STD)


@pytest.fixture
def update():
    """Return a function that updates with an estimate, and returns the one to decide with."""
    hysteresis = SlowdownHysteresis()

    def update(new, *, now_s=0.0, probability=0.95):
        return hysteresis.update(new, probability=probability, margin=0.05, now_s=now_s)

    return update


@pytest.fixture
def after_first(update):
    assert update(FIRST) == FIRST
    return update


@pytest.mark.parametrize('higher', [learned(1.2001, STD), learned(1.2, STD + 1e-4)])
def test_a_higher_latency_is_adopted_at_once(after_first, higher):
    assert after_first(higher) == higher


@pytest.mark.parametrize('lower', [SLIGHTLY_LOWER, LOWER, learned(1.2, STD / 2)])
def test_an_insignificantly_lower_one_is_not_adopted(after_first, lower):
    assert after_first(lower) == FIRST


def test_every_estimate_is_adopted_during_the_first_frames(after_first):
    early = learned(1.19, STD, frames=LEARNING_FRAMES - 1)
    assert after_first(early) == early


def test_the_end_of_contention_is_adopted_at_once(after_first):
    assert after_first(MUCH_LOWER) == MUCH_LOWER


def test_one_lower_by_the_margin_is_adopted_after_a_while(after_first):
    after_first(LOWER, now_s=1.0)
    assert after_first(LOWER, now_s=1.0 + LOWER_FOR_S - 0.1) == FIRST
    assert after_first(LOWER, now_s=1.0 + LOWER_FOR_S) == LOWER


def test_an_interruption_restarts_that_time(after_first):
    after_first(LOWER, now_s=1.0)
    after_first(SLIGHTLY_LOWER, now_s=LOWER_FOR_S)
    after_first(LOWER, now_s=LOWER_FOR_S + 1.0)
    assert after_first(LOWER, now_s=2 * LOWER_FOR_S + 0.9) == FIRST


def test_one_within_the_margin_is_never_adopted(after_first):
    for now_s in range(0, 600, 5):
        assert after_first(SLIGHTLY_LOWER, now_s=float(now_s)) == FIRST


@pytest.mark.parametrize(('probability', 'adopted'), [(0.95, False), (0.5, True)])
def test_estimates_are_compared_by_their_quantile_at_the_probability(update, probability, adopted):
    wide, narrow = learned(1.0, 0.1), learned(1.05, 0.03)
    update(wide, probability=probability)
    expected = narrow if adopted else wide
    assert update(narrow, probability=probability, now_s=1.0) == expected
