"""The slowdown that decisions are made with moves on news, not with every turn of the estimate."""

import pytest

from dynofa_ros.runtime.estimation.slowdown import (
    LEARNING_FRAMES,
    LOWER_FOR_S,
    Slowdown,
    SlowdownHysteresis,
)


def learned(mean: float, std: float, *, frames: int = LEARNING_FRAMES) -> Slowdown:
    """An estimate after so many frames, none of them slower than its mean."""
    return Slowdown(mean, std, (mean,) * frames)


STD = 0.03
FIRST = learned(1.2, STD)
A_LITTLE_LOWER = learned(1.19, STD)
LOWER = learned(1.13, STD)  # by more than the margin, by less than it wanders
MUCH_LOWER = learned(1.0, STD)


@pytest.fixture
def told():
    """Return a function that tells an estimate and returns what to decide with."""
    steady = SlowdownHysteresis()

    def tell(new, *, now_s=0.0):
        return steady.update(new, probability=0.95, margin=0.05, now_s=now_s)

    tell(FIRST)
    return tell


def test_the_first_estimate_is_taken():
    assert SlowdownHysteresis().update(FIRST, probability=0.95, margin=0.05, now_s=0.0) == FIRST


@pytest.mark.parametrize('higher', [learned(1.2001, STD), learned(1.2, STD + 1e-4)])
def test_a_higher_latency_is_believed_at_once(told, higher):
    assert told(higher) == higher


@pytest.mark.parametrize('lower', [A_LITTLE_LOWER, LOWER, learned(1.2, STD / 2)])
def test_a_lower_one_that_may_be_chance_changes_nothing(told, lower):
    assert told(lower) == FIRST


def test_until_enough_frames_were_seen_every_estimate_is_taken(told):
    early = learned(1.19, STD, frames=LEARNING_FRAMES - 1)
    assert told(early) == early


def test_the_end_of_contention_is_believed_at_once(told):
    assert told(MUCH_LOWER) == MUCH_LOWER


def test_lower_by_the_margin_for_long_is_no_chance(told):
    told(LOWER, now_s=1.0)
    assert told(LOWER, now_s=1.0 + LOWER_FOR_S - 0.1) == FIRST
    assert told(LOWER, now_s=1.0 + LOWER_FOR_S) == LOWER


def test_not_so_low_in_between_starts_that_time_anew(told):
    told(LOWER, now_s=1.0)
    told(A_LITTLE_LOWER, now_s=LOWER_FOR_S)
    told(LOWER, now_s=LOWER_FOR_S + 1.0)
    assert told(LOWER, now_s=2 * LOWER_FOR_S + 0.9) == FIRST


def test_a_little_lower_than_the_margin_is_never_news(told):
    for now_s in range(0, 600, 5):
        assert told(A_LITTLE_LOWER, now_s=float(now_s)) == FIRST


def test_what_is_compared_is_the_quantile_that_the_deadline_asks_for():
    wide, narrow = learned(1.0, 0.1), learned(1.05, 0.03)
    sure, middle = SlowdownHysteresis(), SlowdownHysteresis()
    sure.update(wide, probability=0.95, margin=0.05, now_s=0.0)
    middle.update(wide, probability=0.5, margin=0.05, now_s=0.0)
    assert sure.update(narrow, probability=0.95, margin=0.05, now_s=1.0) == wide
    assert middle.update(narrow, probability=0.5, margin=0.05, now_s=1.0) == narrow
