# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The frequency domains in a state of the platform, as the manager and the applications read it."""

from __future__ import annotations

import functools

from dynofa_ros.msg import DomainState, PlatformState
from dynofa_ros.runtime import DomainObservation
from dynofa_ros.runtime.checks import check_count
from dynofa_ros.runtime.operating_points.frequency import COUNTER_TOLERANCE
from dynofa_ros.runtime.ranges import DOMAINS_MAX, FREQUENCIES_MAX, PROCESSORS_MAX


def domains_from(message: PlatformState) -> tuple[DomainObservation, ...]:
    """Read the frequency domains. Raises ValueError for a value out of range."""
    check_count('domains', message.domains, most=DOMAINS_MAX)
    for each in message.domains:
        check_count('processors', each.processors, most=PROCESSORS_MAX)
        check_count('contention', each.contention, most=PROCESSORS_MAX)
        check_count('available_frequencies_hz', each.available_frequencies_hz, most=FREQUENCIES_MAX)
    return tuple(
        _domain(
            each.name,
            tuple(each.processors),
            _busy_clock_hz(each, simulated=message.simulated),
            tuple(each.available_frequencies_hz),
            each.settable,
            tuple(each.contention),
        )
        for each in message.domains
    )


# Ten times a second, domains are the same as before.
_domain = functools.lru_cache(maxsize=DOMAINS_MAX)(DomainObservation)


def _busy_clock_hz(domain: DomainState, *, simulated: bool) -> float:
    """Return the frequency at which frames run.

    If the limits differ, a Linux governor chooses the frequency: the present one is that of a
    moment, often an idle one, and goes to the upper limit while a frame runs. At a fixed frequency,
    x86 reports the value counted by a core.
    """
    frequency_hz, highest_hz = domain.frequency_hz, domain.max_frequency_hz
    governed = domain.min_frequency_hz < highest_hz
    near = abs(frequency_hz - highest_hz) <= COUNTER_TOLERANCE * highest_hz
    return highest_hz if not simulated and (governed or near) else frequency_hz
