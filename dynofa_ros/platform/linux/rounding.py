"""Bring what a command asks to the frequencies that the device has.

One frequency and a minimum go up, so a deadline that was decided on with them is met; a maximum
goes down, so a cap holds. What lies outside the range is left as it is, to be refused.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from dynofa_ros.platform.device import DomainSetting

SAME_HZ = 1.0
"""Frequencies this close are one: a list of kHz and a figure of Hz differ by the last digit."""


def rounded(setting: DomainSetting, frequencies_hz: Sequence[float]) -> tuple[DomainSetting, str]:
    """Return the setting in frequencies of the list, and what was rounded in words."""
    near = dataclasses.replace(
        setting,
        frequency_hz=_up(setting.frequency_hz, frequencies_hz),
        min_frequency_hz=_up(setting.min_frequency_hz, frequencies_hz),
        max_frequency_hz=_down(setting.max_frequency_hz, frequencies_hz),
    )
    pairs = [
        (setting.frequency_hz, near.frequency_hz),
        (setting.min_frequency_hz, near.min_frequency_hz),
        (setting.max_frequency_hz, near.max_frequency_hz),
    ]
    texts = [
        f'asked {asked / 1e6:g}, rounded to {value / 1e6:g} MHz'
        for asked, value in pairs
        if abs(value - asked) > SAME_HZ
    ]
    return near, ', '.join(texts)


def _up(asked_hz: float, frequencies_hz: Sequence[float]) -> float:
    if math.isnan(asked_hz) or asked_hz < frequencies_hz[0] - SAME_HZ:
        return asked_hz
    above = (each for each in frequencies_hz if each >= asked_hz - SAME_HZ)
    return next(above, asked_hz)


def _down(asked_hz: float, frequencies_hz: Sequence[float]) -> float:
    if math.isnan(asked_hz) or asked_hz > frequencies_hz[-1] + SAME_HZ:
        return asked_hz
    below = (each for each in reversed(frequencies_hz) if each <= asked_hz + SAME_HZ)
    return next(below, asked_hz)
