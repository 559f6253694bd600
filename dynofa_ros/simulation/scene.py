# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The pictures in front of a simulated camera: how sure each sub-network is of each of them.

A picture is one of the images on which a model's scores were measured, with the scores of all its
sub-networks. So the same pictures are hard for all of them, as measured, and every cascade
escalates as often as measured.
"""

from __future__ import annotations

from random import Random

import numpy as np

from dynofa_ros.profiles.score_table import ScoreTable
from dynofa_ros.runtime import Cascade


class Scene:
    """Draws pictures; without scores, all are the same and nothing is known of them."""

    UNKNOWN = -1  # the picture, without scores

    def __init__(self, scores: ScoreTable | None) -> None:
        self._column = {} if scores is None else {n: i for i, n in enumerate(scores.subnet_ids)}
        self._score = np.zeros((0, 1)) if scores is None else scores.score
        self._answering: dict[tuple[int, str], int] = {}
        # The hardest first.
        self._by_difficulty: list[int] = self._score.sum(axis=1).argsort(kind='stable').tolist()

    def draw(self, rng: Random, *, difficulty: float) -> int:
        """Return a picture; with a difficulty of 1 all are equally likely.

        A share s of the pictures, the hardest ones by their mean score, is drawn with the
        probability s^(1 / difficulty).
        """
        place = rng.random()
        pictures = self._by_difficulty
        return pictures[int(len(pictures) * place**difficulty)] if pictures else self.UNKNOWN

    def score(self, picture: int, subnet_id: str) -> float:
        """Return the score of a sub-network; NaN: unknown."""
        column = self._column.get(subnet_id)
        return float('nan') if column is None else float(self._score[picture, column])

    def escalates(self, picture: int, cascade: Cascade, stage: int) -> bool:
        """Whether a stage of a cascade, counted from 0, is unsure of a picture."""
        last = stage == len(cascade.thresholds)
        return not last and self.score(picture, cascade.stages[stage]) < cascade.thresholds[stage]

    def answering(self, picture: int, cascade: Cascade) -> int:
        """Return the stage whose answer stands if none is cut, counted from 0."""
        key = (picture, cascade.cascade_id)
        if key not in self._answering:
            stage = 0
            while self.escalates(picture, cascade, stage):
                stage += 1
            self._answering[key] = stage
        return self._answering[key]
