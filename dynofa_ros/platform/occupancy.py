"""How much of each processor every application occupies, learned from the frames it reports.

Applications that share a processor slow each other down. Each of them, and the device, hears the
same reports and so arrives at the same loads: the mean over about a second of what
`simulation/unit.py` works out frame by frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from dynofa_ros.platform.checks import check_not_negative
from dynofa_ros.platform.description import Platform
from dynofa_ros.platform.load_meter import MAX_BACKLOG_S

# Long against the period of a camera, short against what a person waits for.
MEMORY_S = 1.0
# An application that is silent for this many of its periods, or of its frames, is gone.
SILENT_PERIODS = 2.0


@dataclass
class _Presence:
    """One application on the processor that it reported last."""

    processor: str
    load: float = 0.0  # part of the processor's cores, 0..1
    until_s: float = 0.0  # when it counts as gone, if it reports nothing more
    frames: deque[tuple[float, float]] = field(default_factory=deque)  # reported at, core time [s]

    def add(self, now_s: float, *, busy_s: float, share: float) -> None:
        """Take in a frame that kept a share of the processor's cores busy.

        The load is measured from report to report: a part of a period would count a frame too
        many or too few.
        """
        before_s = self.frames[-1][0] if self.frames else now_s
        work_s = busy_s * share
        self.frames.append((now_s, work_s))
        while len(self.frames) > 2 and self.frames[1][0] <= now_s - MEMORY_S:
            self.frames.popleft()
        first_s = self.frames[0][0]
        total_s = sum(each_s for _, each_s in self.frames) - self.frames[0][1]
        if first_s == now_s:  # the first one: a period is not known yet
            total_s, first_s = work_s, now_s - max(MEMORY_S, busy_s)
        self.load = min(total_s / (now_s - first_s), 1.0)
        longest_s = max(now_s - before_s, min(busy_s, MAX_BACKLOG_S))
        self.until_s = now_s + max(MEMORY_S, SILENT_PERIODS * longest_s)


class Occupancy:
    """The part of each processor that every application keeps busy.

    One thread may add while another one reads.
    """

    def __init__(self, platform: Platform, *, clock: Callable[[], float]) -> None:
        """`clock` returns seconds and never goes back."""
        self._platform = platform
        self._clock = clock
        self._present: dict[str, _Presence] = {}

    def add(self, app: str, *, processor: str, busy_s: float, threads: int) -> None:
        """Take in a frame that an application has just ended: `threads` cores for `busy_s`.

        An application works on one frame at a time, so on one processor: the last one it named.

        Raises:
            PlatformError: for a time that is negative or not finite, no threads, or a processor
                that the platform does not have.
        """
        check_not_negative('busy_s', busy_s)
        unit = self._platform.processor(processor)
        share = unit.cores_used(threads) / unit.cores
        now_s = self._clock()
        present = {name: each for name, each in self._present.items() if now_s < each.until_s}
        presence = present.get(app)
        if presence is None or presence.processor != processor:
            presence = _Presence(processor)
        presence.add(now_s, busy_s=busy_s, share=share)
        present[app] = presence
        self._present = present

    def beside(self, app: str, processor: str) -> float:
        """Return the load of all other applications on a processor together.

        Each is a part of its cores, 0..1; the sum is above 1 where several want the same cores.
        """
        now_s = self._clock()
        return sum(
            each.load
            for name, each in self._present.items()
            if name != app and each.processor == processor and now_s < each.until_s
        )
