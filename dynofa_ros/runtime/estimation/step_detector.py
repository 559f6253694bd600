# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Tell a step of a noisy signal from an outlier."""

from __future__ import annotations

from typing import NamedTuple

# Of `CumulativeSum`, in standard deviations. Two frames at CLIP are a step, or four of 2; noise
# passes LIMIT once in 15,000 frames on each side (Siegmund's approximation).
CLIP = 3.0
SLACK = 1.0
LIMIT = 4.0
# A sample that begins a step for certain, if there is one.
STRONG = 2.0
# A sample is uncertain if its standard deviation is this many times that of the first one.
DOUBTFUL = 1.5


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


class Step(NamedTuple):
    """Samples in a row that noise does not explain."""

    size: float  # weighted mean deviation
    spread: float  # variance of the deviations
    samples: int


class CumulativeSum:
    """Detects steps of either sign by the cumulative sum of deviations (Page, Biometrika 41, 1954).

    A single outlier is clipped, so it is no step. A deviation of several standard deviations is a
    step after two samples, a smaller one after some more. A sample that is far less certain than
    those before it may add to the sum, but is no evidence against a step.
    """

    def __init__(self) -> None:
        self._sum, self._sign, self._strong = 0.0, 1.0, False
        self._samples: list[tuple[float, float]] = []  # deviation, and its standard deviation

    @property
    def count(self) -> int:
        """Samples of the step that may have begun."""
        return len(self._samples)

    def doubtful(self, std: float) -> bool:
        """Whether a sample would be too uncertain to deny the step that may have begun."""
        return bool(self._samples) and std > DOUBTFUL * self._samples[0][1]

    def observe(self, deviation: float, *, std: float) -> Step | None:
        """Update with the deviation of a sample; return the step that it completes."""
        z = max(-CLIP, min(CLIP, deviation / std))
        if self._sign * z < SLACK and self.doubtful(std):
            return None
        if self._sign * z < 0.0 and abs(z) - SLACK > self._sum:
            self.reset()
        if not self._samples:
            self._sign = 1.0 if z >= 0.0 else -1.0
        self._sum = max(0.0, self._sum + self._sign * z - SLACK)
        if self._sum == 0.0:
            self.reset()
            return None
        if abs(z) >= STRONG and not self._strong:
            self._samples.clear()  # noise that came before it does not belong to the step
            self._strong = True
        self._samples.append((deviation, std))
        if self._sum < LIMIT - 1e-9:
            return None
        step = self._step()
        self.reset()
        return step

    def _step(self) -> Step:
        """Return the samples so far as a step."""
        weights = [each**-2.0 for _, each in self._samples]
        total = sum(weights)
        pairs = [(w / total, each) for w, (each, _) in zip(weights, self._samples, strict=True)]
        size = sum(share * each for share, each in pairs)
        spread = sum(share * (each - size) ** 2 for share, each in pairs)
        return Step(size, spread, len(pairs))

    def reset(self) -> None:
        """Forget all samples."""
        self._sum, self._strong = 0.0, False
        self._samples.clear()
