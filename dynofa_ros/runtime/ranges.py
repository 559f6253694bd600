# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Physical ranges of the values that enter the resource manager, and limits on their number.

A value outside of them is a fault of its sender. Inside, no product, square or quotient of two
values overflows or underflows a double, so the arithmetic of a decision cannot fail. All are ours,
with a margin over every machine that the package knows.
"""

from __future__ import annotations

from typing import NamedTuple


class Range(NamedTuple):
    """The lowest and the highest plausible value."""

    low: float
    high: float


# Latencies and deadlines [s].
DURATION_S = Range(1e-6, 3600.0)
# Parts of a latency, standard deviations, overheads [s]: 0 is possible.
PART_S = Range(0.0, 3600.0)
MISSION_S = Range(0.0, 1e7)
# For which targets stay raised after something was seen [s].
HOLD_S = Range(0.1, 600.0)
POWER_W = Range(0.0, 10_000.0)
FRAME_ENERGY_J = Range(0.0, 1e6)
BATTERY_ENERGY_J = Range(0.0, 1e12)
FREQUENCY_HZ = Range(1e3, 1e12)
# Linux marks an invalid reading by -274 degrees.
TEMPERATURE_C = Range(-300.0, 10_000.0)
THREADS = Range(0, 65_536)
# Slowdown that another program adds to a frame.
CONTENTION = Range(0.0, 1000.0)
# Observed / profiled latency of a sub-network; a profile that is further off is that of another.
CORRECTION = Range(0.1, 10.0)
CORRECTION_STD = Range(0.0, 100.0)
# Of operations and parameters: uint64, as in the messages.
COUNT = Range(0, 2**64 - 1)

APPLICATIONS_MAX = 64
POINTS_MAX = 20_000
# Points that an application may choose from, frame by frame.
ENVELOPE_MAX = 1024
# Cascades of one application, and sub-networks of a cascade.
CASCADES_MAX = 64
STAGES_MAX = 3
PROCESSORS_MAX = 64
DOMAINS_MAX = 64
FREQUENCIES_MAX = 1024
SENSORS_MAX = 256
RESIDENTS_MAX = 4096
NAME_MAX = 256
