# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""When two frequencies count as equal."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

# Profiled against requested: drivers round a request to their own steps.
SAME_FREQUENCY = 1e-3
# Read back against requested: drivers report a rounded or averaged value.
READ_BACK_TOLERANCE = 0.01
# As READ_BACK_TOLERANCE, where the value is counted over core cycles (x86); assumed.
COUNTER_TOLERANCE = 0.03

Frequency = TypeVar('Frequency', float, npt.NDArray[np.float64])


def highest_same(frequency_hz: Frequency) -> Frequency:
    """Return the highest profiled frequency that counts as the requested one [Hz]."""
    return frequency_hz * (1 + SAME_FREQUENCY)


def is_same(profiled_hz: float, requested_hz: float) -> bool:
    """Whether a profiled frequency is the requested one."""
    return abs(profiled_hz - requested_hz) <= SAME_FREQUENCY * requested_hz


def reads_as(read_hz: float, requested_hz: float) -> bool:
    """Whether a frequency read back is the requested one; an unknown one (NaN) counts as equal."""
    return not abs(read_hz - requested_hz) > READ_BACK_TOLERANCE * requested_hz
