"""What was measured of a processor, and its powers as a description has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dynofa_ros.offline.calibrate import ClockMeasured, Unreached
from dynofa_ros.offline.calibrate_fit import Fit
from dynofa_ros.offline.fit_platform import rounded
from dynofa_ros.platform import Platform, Processor
from dynofa_ros.platform.section import ASSUMED

MEASURED, FOUND = 'calibrated', 'linux'
"""Keys of a description's sources."""


@dataclass(frozen=True)
class Calibrated:
    """A processor, what was measured of it, and the fit."""

    name: str  # as engines call the processor, where it is theirs
    domain: str
    kind: str
    cores: int
    frequencies_hz: tuple[float, ...]  # that the device has
    clocks: tuple[ClockMeasured, ...]  # ascending; at least one
    unreached: tuple[Unreached, ...]
    fit: Fit
    contention: float = math.nan  # NaN: not measured

    @property
    def powers_w(self) -> dict[float, float]:
        """Busy power by clock, where it is known."""
        return {
            each.frequency_hz: each.busy.power_w
            for each in self.clocks
            if not math.isnan(each.busy.power_w)
        }


def quantity(value: object, source: str, note: str = '') -> dict[str, Any]:
    """Return a number with where it comes from."""
    return {'value': value, 'source': source} | ({'note': note} if note else {})


def assumed(value: object, base: Platform, note: str = '') -> dict[str, Any]:
    """Return a number that is taken over from another machine."""
    return quantity(value, ASSUMED, f'{note or "that"} of {base.name}')


def idle_power(processors: Sequence[Calibrated], base: Platform) -> dict[str, Any]:
    """Return the least power at rest, at a lowest clock; no more than when busy."""
    lowest = [each.clocks[0] for each in processors]
    idle_w = [each.idle.power_w for each in lowest if not math.isnan(each.idle.power_w)]
    busy_w = [power_w for each in processors for power_w in each.powers_w.values()]
    if not idle_w:
        return assumed(min(base.idle_power_w, rounded(min(busy_w))), base)
    return quantity(rounded(min(*idle_w, *busy_w)), MEASURED, 'at the lowest clock')


def measured_table(each: Calibrated, idle_w: float) -> dict[str, Any]:
    """Return the powers at the clocks measured, carried on to the ends of the domain."""
    powers_w = each.powers_w
    measured_hz = sorted(powers_w)
    first_hz, last_hz = each.frequencies_hz[0], each.frequencies_hz[-1]
    notes = []
    if first_hz < measured_hz[0]:
        powers_w[first_hz] = powers_w[measured_hz[0]]
        notes.append(f'the first is that of {measured_hz[0] / 1e6:g} MHz')
    if last_hz > measured_hz[-1]:
        powers_w[last_hz] = _carried_on(powers_w, measured_hz, last_hz)
        notes.append(f'the last is carried on from {measured_hz[-1] / 1e6:g} MHz, in proportion')
    clocks_hz = sorted(powers_w)
    values = [max(idle_w, rounded(powers_w[each])) for each in clocks_hz]
    note = 'all threads busy'
    return {
        'frequencies_hz': quantity([round(f) for f in clocks_hz], MEASURED),
        'power_w': quantity(values, MEASURED, '; '.join([note, *notes])),
    }


def _carried_on(powers_w: dict[float, float], measured_hz: Sequence[float], at_hz: float) -> float:
    """Return the power beyond the last clock measured, on the line through the last two."""
    if len(measured_hz) < 2:
        return powers_w[measured_hz[-1]] * at_hz / measured_hz[-1]
    before_hz, last_hz = measured_hz[-2:]
    slope = max(0.0, (powers_w[last_hz] - powers_w[before_hz]) / (last_hz - before_hz))
    return powers_w[last_hz] + slope * (at_hz - last_hz)


def assumed_table(each: Calibrated, like: Processor, base: Platform) -> dict[str, Any]:
    """Return another machine's powers at the same clocks, above idle as many cores as there are."""
    clocks_hz = sorted(
        {each.frequencies_hz[0], *(c.frequency_hz for c in each.clocks), each.frequencies_hz[-1]}
    )
    idle_w = base.idle_power_w
    share = each.cores / like.cores
    powers_w = [idle_w + (like.busy_power.power_at(f) - idle_w) * share for f in clocks_hz]
    return {
        'frequencies_hz': quantity([round(f) for f in clocks_hz], FOUND),
        'power_w': assumed(
            [rounded(power_w) for power_w in powers_w],
            base,
            f'no power sensor; per core those of the {like.name}',
        ),
    }
