# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What the cascades of all applications would bring, with the escalations that they observe.

An escalation that would be late is cut (`FrameChooser.time_for`): it costs neither time nor energy,
but the answer is that of an unsure stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dynofa_ros.runtime.decision.points import Points
from dynofa_ros.runtime.decision.state import ApplicationState
from dynofa_ros.runtime.estimation.correction import EXACT
from dynofa_ros.runtime.latency import LatencyForecast, Stages
from dynofa_ros.runtime.operating_points.cascade_table import CascadeTable
from dynofa_ros.runtime.operating_points.table import Floats, Indices


class MeanFrames(NamedTuple):
    """The mean frame of each of several points."""

    accuracy: Floats  # expected; 0 where it is not known
    cost_j: Floats  # as profiled
    energy_j: Floats  # with corrections
    inference_s: Floats


@dataclass(frozen=True, eq=False)
class CascadeForecast:
    """The cascades among the points of a decision."""

    table: CascadeTable  # of the rows of `Points`
    app: Indices  # (cascades,) the application of each
    reached: Floats  # (cascades, stages) share of the frames that reach each stage, uncut
    correction: Floats  # (cascades, stages)
    stages: Stages
    accuracy: Floats  # (cascades,) uncut; 0 where it is doubted, so that no floor is met by it

    @classmethod
    def of(cls, points: Points, applications: Sequence[ApplicationState]) -> CascadeForecast | None:
        """Return the cascades of some applications, None without any."""
        table = points.cascades
        if table is None:
            return None
        app = points.app_of[table.rows]
        reached, accuracy = table.reached.copy(), points.accuracy[table.rows]
        known = []
        for index, each in enumerate(applications):
            own = each.profile.table.cascades
            if own is None:
                continue
            observed = each.escalations
            mine = own.reached_now({name: seen.reached for name, seen in observed.items()})
            reached[app == index, : mine.shape[1]] = mine
            doubted = {name for name, seen in observed.items() if seen.doubt}
            names = [own.cascade_ids[which] in doubted for which in own.cascade_of]
            accuracy[app == index] *= ~np.array(names)
            known += [each.corrections.get(subnet, EXACT) for subnet in own.subnets]
        correction = np.array([each.mean for each in known])[table.subnet_of]
        std = np.array([each.std for each in known])[table.subnet_of]
        stages = table.stages(reached, correction=correction, std=std)
        return cls(table, app, reached, correction, stages, accuracy)

    def mean_frames(
        self, points: MeanFrames, latency: LatencyForecast, paths_s: Floats, deadline_s: Floats
    ) -> MeanFrames:
        """Return the mean frames of all points, with those of the cascades among them.

        `latency` is that of a frame, `paths_s` the mean inference of each path, (cascades, paths),
        and `deadline_s` that of each application; infinite: none.
        """
        assert latency.paths is not None
        table = self.table
        fits = latency.paths.fits(deadline_s[self.app, None])
        cut = table.cut(self.reached, fits)
        ends = cut - np.pad(cut[:, 1:], ((0, 0), (0, 1)))
        cascades = MeanFrames(
            np.maximum(self.accuracy - table.accuracy_lost(self.reached, fits), 0.0),
            table.mean_cost_j(cut),
            table.mean_cost_j(cut, self.correction),
            (ends * paths_s).sum(axis=1),
        )
        result = MeanFrames(*(each.copy() for each in points))
        for values, own in zip(result, cascades, strict=True):
            values[table.rows] = own
        return result
