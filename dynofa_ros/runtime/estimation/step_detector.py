# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Tell a step of a noisy signal from an outlier."""

from __future__ import annotations


class StepDetector:
    """Two surprising samples in a row on the same side of the estimate are a step."""

    def __init__(self) -> None:
        self._earlier: float | None = None

    @property
    def pending(self) -> bool:
        """Whether the last sample was surprising: either an outlier or the start of a step."""
        return self._earlier is not None

    def observe(self, sample: float, *, estimate: float, limit: float) -> float | None:
        """Return the previous sample if `sample` completes a step, None otherwise.

        A sample is surprising if it differs from `estimate` by more than `limit`.
        """
        earlier, difference = self._earlier, sample - estimate
        surprising = abs(difference) > limit
        if surprising and earlier is not None and (earlier - estimate) * difference > 0.0:
            self._earlier = None
            return earlier
        self._earlier = sample if surprising else None
        return None

    def reset(self) -> None:
        """Forget the last sample."""
        self._earlier = None
