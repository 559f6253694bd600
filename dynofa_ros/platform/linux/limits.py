"""Between which frequencies a domain runs now."""

from __future__ import annotations

import math

from dynofa_ros.platform.linux.domain import ClockDomain
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.settings import Limits


def limits_now(sysfs: Sysfs, domain: ClockDomain) -> Limits:
    """Return the widest limits of a domain's clocks; NaN where none can be read."""
    found = []
    for knob in domain.knobs:
        try:
            found.append(knob.limits_hz(knob.setting(sysfs)))
        except (OSError, ValueError):
            continue
    return Limits(
        min((lowest for lowest, _ in found), default=math.nan),
        max((highest for _, highest in found), default=math.nan),
    )


def frequency_now_hz(sysfs: Sysfs, domain: ClockDomain) -> float:
    """Return the fastest of a domain's clocks [Hz]; NaN where none can be read."""
    clocks_hz = [knob.frequency_hz(sysfs) for knob in domain.knobs]
    return max((each for each in clocks_hz if not math.isnan(each)), default=math.nan)
