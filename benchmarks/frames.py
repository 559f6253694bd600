"""What became of the frames of a camera: read from the node's reports, and counted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One FrameReport: which frame, what ran, and where its time went [s]."""

    frame_id: str
    sequence: int
    """Counts what the node classified."""
    subnet_id: str
    age_s: float
    """Stamp to arrival in the node."""
    queue_s: float
    preprocess_s: float
    inference_s: float
    postprocess_s: float
    total_s: float
    """Stamp until the node hands the report to DDS, the last thing it does for a frame."""
    dropped: int
    refused: int

    @property
    def latency_s(self) -> float:
        """Arrival to result."""
        return self.queue_s + self.work_s

    @property
    def work_s(self) -> float:
        """What the node did for the frame, without waiting."""
        return self.preprocess_s + self.inference_s + self.postprocess_s

    @property
    def publish_s(self) -> float:
        """Result to report: the classification is published in that time."""
        return self.total_s - self.age_s - self.latency_s

    @property
    def overhead_s(self) -> float:
        """Stamp to report without the inference."""
        return self.total_s - self.inference_s


@dataclass(frozen=True)
class Losses:
    """Where frames were lost; DDS and node are told apart."""

    sent: int
    classified: int
    dropped: int
    """By the node: a newer frame came before this one's turn."""
    refused: int
    """By the node, as images that cannot be read."""
    reports_lost: int
    """Classified, but best effort lost the report of it: no frame is lost."""

    @property
    def never_arrived(self) -> int:
        """What was lost on the way from the camera into the node."""
        return self.sent - self.classified - self.dropped - self.refused

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON holds it."""
        return asdict(self) | {'never_arrived': self.never_arrived}

    def line(self) -> str:
        """Return it as a line of the report."""
        return (
            f'frames: {self.sent} sent, {self.classified} classified; the node dropped '
            f'{self.dropped} and refused {self.refused}; {self.never_arrived} never arrived; '
            f'{self.reports_lost} reports lost'
        )


def losses(sent: int, frames: Sequence[Frame], classified: Collection[str]) -> Losses:
    """Account for every frame that was sent.

    ``classified`` are the frames that a Classification came of, which is reliable, and so what a
    lost report cannot hide.
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
    """Return p50, p95, p99 and the largest; NaN without values."""
    if not values:
        return dict.fromkeys(('p50', 'p95', 'p99', 'max'), float('nan'))
    p50, p95, p99, most = np.quantile(list(values), (0.5, 0.95, 0.99, 1))
    return {'p50': float(p50), 'p95': float(p95), 'p99': float(p99), 'max': float(most)}
