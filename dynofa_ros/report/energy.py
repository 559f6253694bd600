"""How far the energy of a run can be trusted: the errors of its frames, added up."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from dynofa_ros.report.recording import RecordedFrame


def energy_std_j(frames: Sequence[RecordedFrame]) -> float:
    """Return the standard deviation of the energy of frames together [J].

    The error of the idle power is common to all: these add up. So do errors of frames within the
    window in which the sensor cannot tell them apart. The others are independent and add up as
    squares. Frames of unknown energy do not count. NaN if there are no others, or if the error of
    one of them is unknown, as where energy is modelled.
    """
    known = [frame for frame in frames if not math.isnan(frame.energy_j)]
    if not known:
        return math.nan
    common_j = math.fsum(frame.energy_common_std_j for frame in known)
    squares = 0.0
    windows_j: defaultdict[int, float] = defaultdict(float)
    for frame in known:
        # Rounding may take it below 0; NaN stays NaN.
        own_j = math.sqrt(abs(frame.energy_std_j**2 - frame.energy_common_std_j**2))
        if frame.energy_window_s > 0:
            windows_j[int(frame.time_s // frame.energy_window_s)] += own_j
        else:
            squares += own_j**2
    squares += math.fsum(own_j**2 for own_j in windows_j.values())
    return math.sqrt(common_j**2 + squares)
