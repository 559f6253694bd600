# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What the cascades of one application would bring, with the escalations that it observes.

An escalation that would be late is cut (`FrameChooser.time_for`): it costs neither time nor energy,
but the answer is that of an unsure stage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dynofa_ros.runtime.decision.state import ApplicationState
from dynofa_ros.runtime.estimation.correction import EXACT
from dynofa_ros.runtime.latency import LatencyForecast, Stages
from dynofa_ros.runtime.operating_points.cascade_table import CascadeTable
from dynofa_ros.runtime.operating_points.table import Floats


class MeanFrames(NamedTuple):
    """The mean frame of each of several points."""

    accuracy: Floats  # expected; 0 where it is not known
    cost_j: Floats  # as profiled
    energy_j: Floats  # with corrections
    inference_s: Floats


@dataclass(frozen=True, eq=False)
class CascadeForecast:
    """The cascades of one application's table, predicted for one decision."""

    table: CascadeTable
    reached: Floats  # (cascades, stages) share of the frames that reach each stage, uncut
    correction: Floats  # (cascades, stages)
    stages: Stages
    accuracy: Floats  # (cascades,) uncut; 0 where it is doubted, so that no floor is met by it

    @classmethod
    def of(cls, application: ApplicationState) -> CascadeForecast | None:
        """Return the cascades of an application, None without any."""
        table = application.profile.table.cascades
        if table is None:
            return None
        observed = application.escalations
        reached = table.reached_now({name: each.reached for name, each in observed.items()})
        known = [application.corrections.get(each, EXACT) for each in table.subnets]
        correction = np.array([each.mean for each in known])[table.subnet_of]
        std = np.array([each.std for each in known])[table.subnet_of]
        doubted = [bool(observed[n].doubt) if n in observed else False for n in table.cascade_ids]
        accuracy = application.profile.table.accuracy[table.rows]
        return cls(
            table,
            reached,
            correction,
            table.stages(reached, correction=correction, std=std),
            np.where(np.array(doubted)[table.cascade_of], 0.0, accuracy),
        )

    def mean_frames(
        self, latency: LatencyForecast, inference: LatencyForecast, *, deadline_s: float
    ) -> MeanFrames:
        """Return the mean frame of each cascade, (cascades,), with the escalations that fit.

        `latency` is that of a frame, `inference` that of its inference; the deadline may be NaN.
        """
        assert latency.paths is not None
        assert inference.paths is not None
        table = self.table
        fits = np.ones_like(self.reached)
        if not math.isnan(deadline_s):
            fits = latency.paths.fits(deadline_s)
        cut = table.cut(self.reached, fits)
        ends = cut - np.pad(cut[:, 1:], ((0, 0), (0, 1)))
        return MeanFrames(
            np.maximum(self.accuracy - table.accuracy_lost(self.reached, fits), 0.0),
            table.mean_cost_j(cut),
            table.mean_cost_j(cut, self.correction),
            (ends * inference.paths.mean_s).sum(axis=1),
        )

    def replaced(self, points: MeanFrames, cascades: MeanFrames) -> MeanFrames:
        """Return the mean frames of all points, with those of the cascades among them."""
        result = MeanFrames(*(each.copy() for each in points))
        for values, own in zip(result, cascades, strict=True):
            values[self.table.rows] = own
        return result
