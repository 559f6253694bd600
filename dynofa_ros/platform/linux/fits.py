"""Whether a platform description is of this machine: its clocks tell."""

from __future__ import annotations

from collections.abc import Sequence

from dynofa_ros.platform.description import Platform
from dynofa_ros.platform.linux.domain import ClockDomain

SAME = 0.02
"""Boards of one kind differ by less in their highest clock, and boards of two kinds by more."""


def why_it_does_not_fit(platform: Platform, domains: Sequence[ClockDomain]) -> str:
    """Return how a description and a machine differ; empty: they do not.

    Every domain of the description is one of the machine, and ends at its highest frequency. The
    machine may have more domains, and more frequencies.
    """
    found = {domain.name: domain for domain in domains}
    for name, domain in platform.domains.items():
        if name not in found:
            known = ', '.join(sorted(found)) or 'none'
            return f'{platform.name} has a clock {name!r}, this machine: {known}'
        described_hz, found_hz = domain.frequencies_hz[-1], found[name].frequencies_hz[-1]
        if abs(found_hz / described_hz - 1) > SAME:
            return (
                f'{platform.name} has {name} up to {described_hz / 1e6:g} MHz, this machine up to '
                f'{found_hz / 1e6:g} MHz'
            )
    return ''
