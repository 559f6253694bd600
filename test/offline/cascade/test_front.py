# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import dataclass

import numpy as np
import pytest

from dynofa_ros.offline.cascade.front import (
    LEAST_SAVING,
    Candidate,
    Scored,
    StageCost,
    candidates,
    saving,
    select,
)


@dataclass
class Kept:
    subnet_id: str
    flops: int


KEPT = [Kept('small', 10), Kept('small-int8', 10), Kept('large', 100)]
COSTS = {each.subnet_id: StageCost(each.flops, each.flops) for each in KEPT}


@pytest.fixture(scope='module')
def scored():
    """Two sub-networks of which the small one knows which images it answers rightly."""
    rng = np.random.default_rng(0)
    count = 2000
    classes = rng.integers(0, 4, count)
    easy = rng.random(count) < 0.7

    def logits(sure, right):
        answer = np.where(right, classes, (classes + 1) % 4)
        return np.eye(4)[answer] * np.where(sure, 6.0, 0.5)[:, None]

    small = Scored.of(logits(easy, easy), classes, 1.0)
    large = Scored.of(logits(easy, rng.random(count) < 0.95), classes, 1.0)
    return {'small': small, 'small-int8': small, 'large': large}


def test_an_easy_majority_is_answered_by_the_small_one(scored):
    found = candidates(scored, COSTS, KEPT)
    best = select(found, 4)[0]
    assert best.stages in (('small', 'large'), ('small-int8', 'large'))
    assert best.mean == pytest.approx(10 + 0.3 * 100, rel=0.1)
    assert best.worst == 110


def test_two_precisions_of_one_sub_network_are_no_cascade(scored):
    stages = {each.stages for each in candidates(scored, COSTS, KEPT)}
    assert stages == {
        *[(name,) for name in scored],
        ('small', 'large'),
        ('small-int8', 'large'),
    }


def test_an_estimate_promises_less_than_was_counted(scored):
    cascade = next(c for c in candidates(scored, COSTS, KEPT) if c.stages == ('small', 'large'))
    sure = scored['small'].score >= cascade.thresholds[0]
    counted = np.where(sure, scored['small'].correct, scored['large'].correct).mean()
    assert 0.85 < cascade.accuracy < counted


def test_what_saves_nothing_is_not_kept():
    plain = [Candidate(('a',), (), 0.8, 10, 10), Candidate(('b',), (), 0.9, 20, 20)]
    little = Candidate(('a', 'b'), (0.5,), 0.9, 20 * (1 - LEAST_SAVING) + 0.1, 30)
    much = Candidate(('a', 'b'), (0.4,), 0.9, 15, 30)
    assert select([*plain, little], 4) == []
    assert select([*plain, little, much], 4) == [much]
    assert select([*plain, much], 0) == []


def test_a_cascade_above_all_sub_networks_is_compared_with_the_most_accurate():
    plain = [Candidate(('a',), (), 0.8, 10, 10), Candidate(('b',), (), 0.9, 20, 20)]
    assert saving(Candidate(('a', 'b'), (0.5,), 0.95, 30, 30), plain) == pytest.approx(-0.5)


def test_no_more_are_kept_than_asked_for():
    plain = [Candidate(('a',), (), 0.5, 10, 10), Candidate(('b',), (), 0.9, 100, 100)]
    many = [Candidate(('a', 'b'), (i / 100,), 0.5 + i / 250, 20 + i / 2, 110) for i in range(100)]
    found = select([*plain, *many], 5)
    assert len(found) == 5
    assert found == sorted(found, key=lambda each: each.mean)
