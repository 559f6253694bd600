# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frames of a camera as the node reports them, and a count of the lost ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One FrameReport: the frame, its sub-network, and the parts of its time [s]."""

    frame_id: str
    sequence: int
    """Number among the classified frames."""
    subnet_id: str
    age_s: float
    """From the stamp to the arrival in the node."""
    queue_s: float
    preprocess_s: float
    inference_s: float
    postprocess_s: float
    total_s: float
    """From the stamp until the node passes the report to DDS, its last step for a frame."""
    dropped: int
    refused: int

    @property
    def latency_s(self) -> float:
        """From arrival to result."""
        return self.queue_s + self.work_s

    @property
    def work_s(self) -> float:
        """Processing time in the node, without waiting."""
        return self.preprocess_s + self.inference_s + self.postprocess_s

    @property
    def publish_s(self) -> float:
        """From the result to the report, including the publication of the classification."""
        return self.total_s - self.age_s - self.latency_s

    @property
    def overhead_s(self) -> float:
        """From the stamp to the report, without the inference."""
        return self.total_s - self.inference_s


@dataclass(frozen=True)
class Losses:
    """Lost frames, by DDS and by the node."""

    sent: int
    classified: int
    dropped: int
    """By the node: a newer frame replaced it."""
    refused: int
    """By the node: the image could not be decoded."""
    reports_lost: int
    """Classified frames whose best-effort report was lost."""

    @property
    def never_arrived(self) -> int:
        """Frames lost between the camera and the node."""
        return self.sent - self.classified - self.dropped - self.refused

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as a JSON object."""
        return asdict(self) | {'never_arrived': self.never_arrived}

    def line(self) -> str:
        """Return the counts as a line of the report."""
        return (
            f'frames: {self.sent} sent, {self.classified} classified; the node dropped '
            f'{self.dropped} and refused {self.refused}; {self.never_arrived} never arrived; '
            f'{self.reports_lost} reports lost'
        )


def losses(sent: int, frames: Sequence[Frame], classified: Collection[str]) -> Losses:
    """Account for every sent frame.

    ``classified`` are the frames with a Classification, which is reliable, unlike the reports.
    """
    reported = {each.frame_id for each in frames}
    seen = reported | set(classified)
    return Losses(
        sent=sent,
        classified=len(seen),
        dropped=sum(each.dropped for each in frames),
        refused=sum(each.refused for each in frames),
        reports_lost=len(seen - reported),
    )


def quantiles(values: Collection[float]) -> dict[str, float]:
    """Return p50, p95, p99 and the maximum; NaN without values."""
    if not values:
        return dict.fromkeys(('p50', 'p95', 'p99', 'max'), float('nan'))
    p50, p95, p99, most = np.quantile(list(values), (0.5, 0.95, 0.99, 1))
    return {'p50': float(p50), 'p95': float(p95), 'p99': float(p99), 'max': float(most)}
