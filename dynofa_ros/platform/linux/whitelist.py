"""Which clocks a command may turn, and how far: what is not listed cannot be touched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.linux.domain import ClockDomain
from dynofa_ros.platform.processor import FrequencyDomain

BY_ITSELF = ('cpu', 'gpu')
"""Kinds of domains that may be turned where no list is given: those that run networks."""


@dataclass(frozen=True)
class Allowed:
    """The frequencies that one domain may be set to [Hz]; NaN: the device's own end."""

    lowest_hz: float = math.nan
    highest_hz: float = math.nan

    def __post_init__(self) -> None:
        for field in ('lowest_hz', 'highest_hz'):
            value = getattr(self, field)
            if not (math.isnan(value) or (math.isfinite(value) and value > 0)):
                raise PlatformError(field=field, value=value, expected='above 0, or NaN: no limit')
        if self.lowest_hz > self.highest_hz:
            raise PlatformError(
                field='lowest_hz', value=self.lowest_hz, expected=f'at most {self.highest_hz:g}'
            )

    def holds(self, frequency_hz: float) -> bool:
        """Return whether a frequency is allowed."""
        return not (frequency_hz < self.lowest_hz or frequency_hz > self.highest_hz)


def parse_whitelist(entries: Sequence[str]) -> dict[str, Allowed]:
    """Return a whitelist of texts such as ``gpu`` or ``cpu:600e6-1400e6`` [Hz].

    Raises PlatformError for a text of another form, and a domain that is named twice.
    """
    whitelist: dict[str, Allowed] = {}
    for entry in entries:
        name, colon, ends = entry.partition(':')
        lowest, _, highest = ends.partition('-')
        try:
            allowed = Allowed(float(lowest), float(highest)) if colon else Allowed()
        except PlatformError as error:
            raise PlatformError(
                field='whitelist', value=entry, expected=f'{error.field} {error.expected}'
            ) from error
        except ValueError:
            raise PlatformError(
                field='whitelist', value=entry, expected='DOMAIN or DOMAIN:LOWEST-HIGHEST in Hz'
            ) from None
        if not name or name in whitelist:
            raise PlatformError(
                field='whitelist', value=entry, expected='the name of a domain, each once'
            )
        whitelist[name] = allowed
    return whitelist


def found_whitelist(
    domains: Sequence[ClockDomain], highest_hz: Mapping[str, float]
) -> dict[str, Allowed]:
    """Return the whitelist where none is given: CPU and GPU, up to the limit that was found.

    That limit may be a power budget's, such as nvpmodel's.
    """
    return {
        domain.name: Allowed(highest_hz=highest_hz.get(domain.name, math.nan))
        for domain in domains
        if domain.kind in BY_ITSELF
    }


def allowed_domains(
    domains: Sequence[ClockDomain], whitelist: Mapping[str, Allowed]
) -> dict[str, FrequencyDomain]:
    """Return the domains that may be turned, each with the frequencies that are allowed.

    Raises PlatformError for a name that no domain has, and a range with no frequency in it.
    """
    by_name = {domain.name: domain for domain in domains}
    found = {}
    for name, allowed in whitelist.items():
        if name not in by_name:
            raise PlatformError(
                field='whitelist',
                value=name,
                expected=f'one of {", ".join(sorted(by_name))}'
                if by_name
                else 'nothing: no clocks',
            )
        listed_hz = by_name[name].frequencies_hz
        frequencies_hz = tuple(each for each in listed_hz if allowed.holds(each))
        if not frequencies_hz:
            raise PlatformError(
                field=f'whitelist.{name}',
                value=f'{allowed.lowest_hz:.0f}-{allowed.highest_hz:.0f}',
                expected=f'a range with one of its frequencies, {listed_hz[0]:.0f} to '
                f'{listed_hz[-1]:.0f} Hz',
            )
        found[name] = FrequencyDomain(name, frequencies_hz, change_delay_s=0.0)
    return found
