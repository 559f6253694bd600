# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""How often the frames of one application leave the first stage of its cascades.

A share was measured on images when the cascade was chosen; the scene in front of the camera may be
harder or easier. The first score of a frame tells for every cascade that begins with the same
sub-network whether it would have been escalated, whichever of them ran.

Consecutive frames show almost the same picture, so they count as fewer: n (1 - r) / (1 + r) with
the lag-one autocorrelation r of the scores (Bayley and Hammersley, "The 'effective' number of
independent observations in an autocorrelated time series", JRSS Supplement 8(2), 1946).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dynofa_ros.runtime.checks import check_number
from dynofa_ros.runtime.operating_points.cascade import Cascade

# Tuning, ours.
FRAMES = 400  # the last ones count: 13 s at 30 Hz
PRIOR_FRAMES = 200  # that the measured share counts as, at most
ENOUGH_FRAMES = 30  # before these an observed share tells nothing
# A share is doubted from this distance on, in standard deviations, until it is below the other: it
# is looked at all day, so chance must not pass it once in a million.
DOUBT_STD, TRUST_STD = 5.0, 2.5
# A stage that has not run for so long tells nothing of the scene; its cascades are tried again.
EXPIRED_S = 300.0
# Frames of which each is like the one before count as one in so many, at most.
CORRELATION_MAX = 0.999


@dataclass(frozen=True)
class Escalation:
    """The share of an application's frames that reach the later stages of one cascade."""

    reached: tuple[float, ...]  # expected of the next frames, for each stage after the first
    observed: float = math.nan  # of the last frames, the second stage; NaN: of too few
    doubt: str = ''  # why the measured accuracy does not hold; empty: it does

    def __post_init__(self) -> None:
        for share in self.reached:
            check_number('reached', share, low=0.0, high=1.0)


class EscalationEstimate:
    """Tracks the escalations of one application from the first scores of its frames."""

    def __init__(self, cascades: Sequence[Cascade] = ()) -> None:
        self._of_stage: dict[str, list[Cascade]] = {}  # by first stage
        for each in cascades:
            self._of_stage.setdefault(each.stages[0], []).append(each)
        self._scores: dict[str, deque[float]] = {}  # by first stage
        self._observed_s: dict[str, float] = {}  # time of the last score
        self._doubted: set[str] = set()
        self._known: dict[str, dict[str, Escalation]] = {}  # up to date, by first stage

    def observe(self, subnet_id: str, score: float, *, now_s: float) -> None:
        """Update with the calibrated score of a frame's first stage; NaN tells nothing."""
        if subnet_id not in self._of_stage or math.isnan(score):
            return
        self._scores.setdefault(subnet_id, deque(maxlen=FRAMES)).append(score)
        self._observed_s[subnet_id] = now_s
        self._known.pop(subnet_id, None)

    def forget(self, *, now_s: float) -> None:
        """Drop the scores of stages that have not run for `EXPIRED_S`."""
        for name in [n for n, at_s in self._observed_s.items() if now_s - at_s >= EXPIRED_S]:
            del self._scores[name], self._observed_s[name]
            self._known.pop(name, None)
            self._doubted -= {each.cascade_id for each in self._of_stage[name]}

    def escalations(self) -> dict[str, Escalation]:
        """Return what is known of each cascade whose first stage has run, by its name."""
        for name in self._scores.keys() - self._known.keys():
            self._known[name] = self._estimate(name)
        return {name: each for some in self._known.values() for name, each in some.items()}

    def _estimate(self, stage: str) -> dict[str, Escalation]:
        scores = np.array(self._scores[stage])
        cascades = self._of_stage[stage]
        thresholds = np.array([each.thresholds[0] for each in cascades])
        shares = (scores < thresholds[:, None]).mean(axis=1).tolist()
        independent = _independent(scores)
        return {
            cascade.cascade_id: self._compare(
                cascade, share, frames=len(scores), independent=independent
            )
            for cascade, share in zip(cascades, shares, strict=True)
        }

    def _compare(
        self, cascade: Cascade, share: float, *, frames: int, independent: float
    ) -> Escalation:
        """Return the escalation of a cascade, of whose frames this share is escalated.

        The measured share counts as some frames more, unless these contradict it.
        """
        measured, name = cascade.reached[0], cascade.cascade_id
        prior = min(cascade.images, PRIOR_FRAMES)
        expected = (share * frames + measured * prior) / (frames + prior)
        if frames < ENOUGH_FRAMES:
            return Escalation(_scaled(cascade, expected))
        distance = _distance(share, cascade, independent=independent)
        if distance > (TRUST_STD if name in self._doubted else DOUBT_STD):
            self._doubted.add(name)
            return Escalation(_scaled(cascade, share), share, _doubt(share, measured))
        self._doubted.discard(name)
        return Escalation(_scaled(cascade, expected), share)


def _scaled(cascade: Cascade, share: float) -> tuple[float, ...]:
    """Return the share of each later stage if this one reaches the second.

    The third is reached from the second as often as measured.
    """
    measured = cascade.reached[0]
    if measured == 0.0:
        return (share, *cascade.reached[1:])
    return tuple(share * each / measured for each in cascade.reached)


def _independent(scores: np.ndarray) -> float:
    """Return how many independent frames these scores are worth."""
    deviations = scores - scores.mean()
    square = float(deviations @ deviations)
    correlation = float(deviations[1:] @ deviations[:-1]) / square if square > 0.0 else 1.0
    correlation = min(max(correlation, 0.0), CORRELATION_MAX)
    return len(scores) * (1.0 - correlation) / (1.0 + correlation)


def _distance(share: float, cascade: Cascade, *, independent: float) -> float:
    """Return how many standard deviations apart the observed and the measured share are.

    A measured share of 0 or 1 is uncertain as well, by Laplace's rule of succession.
    """
    images = cascade.images
    if images == 0:
        return 0.0
    measured = (cascade.reached[0] * images + 1.0) / (images + 2.0)
    variance = measured * (1.0 - measured) * (1.0 / independent + 1.0 / images)
    return abs(share - measured) / math.sqrt(variance)


def _doubt(share: float, measured: float) -> str:
    scene = 'harder' if share > measured else 'easier'
    return (
        f'the scene is {scene} than the images the thresholds were chosen on: '
        f'{share:.0%} of frames are escalated, {measured:.0%} were'
    ).replace('%', ' %')
