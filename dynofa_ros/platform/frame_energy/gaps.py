"""When applications worked on frames of which no report came: reports are best effort."""

from __future__ import annotations

import math

from dynofa_ros.platform.frame_energy.frame_records import FrameWork

MAX_APPS = 64
"""An application beyond these is heard, but its lost reports are not noticed."""


class ReportGaps:
    """The time in which there was work that nobody told of, as one span that only grows.

    An application counts its frames. If one is missing, it was worked on at some time between the
    one before and the one after.
    """

    def __init__(self) -> None:
        self._heard: dict[str, tuple[int, float]] = {}
        self._start_s = math.inf
        self._end_s = -math.inf

    def heard(self, frame: FrameWork) -> None:
        """Hear of a frame, and so perhaps that others before it were missed."""
        sequence, end_s = self._heard.pop(frame.app, (frame.sequence, frame.end_s))
        if frame.sequence > sequence + 1 and frame.start_s > end_s:
            self.unknown(end_s, frame.start_s)
        self._heard[frame.app] = (frame.sequence, frame.end_s)
        if len(self._heard) > MAX_APPS:
            del self._heard[next(iter(self._heard))]

    def unknown(self, start_s: float, end_s: float) -> None:
        """Note a time in which there was work that cannot be told apart."""
        self._start_s = min(self._start_s, start_s)
        self._end_s = max(self._end_s, end_s)

    def touch(self, start_s: float, end_s: float) -> bool:
        """Whether there was such work between two times; times must ascend from call to call."""
        if start_s >= self._end_s:
            self._start_s, self._end_s = math.inf, -math.inf
        return start_s < self._end_s and end_s > self._start_s
