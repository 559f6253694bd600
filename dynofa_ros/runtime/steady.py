"""The slowdown that decisions are made with: it stays until there is news.

An estimate wanders, also while nothing changes: its mean by a percent, its spread by ten. Where a
deadline lies just at the edge of what can be met, each turn would be a change of mind. So what the
last decision was made with holds on until latency is higher, which is believed at once, or lower by
more than it wanders, or a little lower for long. It is the dead band of a Schmitt trigger (Schmitt,
A thermionic trigger, Journal of Scientific Instruments 15, 1938), open on the deadline's side.
"""

from __future__ import annotations

from statistics import NormalDist

from dynofa_ros.runtime.slowdown import Slowdown

NEWS_STDS = 1.0  # lower by so many standard deviations of single frames is news at once
LOWER_FOR_S = 10.0  # lower by the margin, without a break, for so long is news too
LEARNING_FRAMES = 20  # until so many were seen since the last step down, every estimate is news


class SteadySlowdown:
    """The slowdown of one application and processor that the last decision was made with."""

    def __init__(self) -> None:
        self._held: Slowdown | None = None
        self._lower_since_s: float | None = None

    def update(
        self, new: Slowdown, *, probability: float, margin: float, now_s: float
    ) -> Slowdown:
        """Take in an estimate; return the one to decide with.

        They are compared by the latency at `probability`; `margin` is the share that makes it
        lower.
        """
        held, learning = self._held, len(new.recent) < LEARNING_FRAMES
        if held is not None and not learning:
            news = self._is_news(new, held, probability, margin=margin, now_s=now_s)
            if not news:
                return held
        self._held, self._lower_since_s = new, None
        return new

    def _is_news(
        self, new: Slowdown, held: Slowdown, probability: float, *, margin: float, now_s: float
    ) -> bool:
        """Whether an estimate is another one, not the same that wanders."""
        late, before = _late(new, probability), _late(held, probability)
        if late > before or late < before * (1.0 - margin) - NEWS_STDS * new.std:
            return True
        if late >= before * (1.0 - margin):
            self._lower_since_s = None
        elif self._lower_since_s is None:
            self._lower_since_s = now_s
        return self._lower_since_s is not None and now_s - self._lower_since_s >= LOWER_FOR_S


def _late(slowdown: Slowdown, probability: float) -> float:
    """Return the slowdown that a frame keeps within with this probability."""
    return slowdown.mean + NormalDist().inv_cdf(probability) * slowdown.std_for(probability)
