# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Whitelist of the frequency domains that commands may set, and their ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.linux.domain import LinuxDomain
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.processor import FrequencyDomain

DEFAULT_KINDS = ('cpu', 'gpu')
"""Kinds of domains that may be set without a whitelist: those that run networks."""


@dataclass(frozen=True)
class Allowed:
    """The range in which one domain may be set [Hz]; NaN: the limit of the device."""

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

    def contains(self, frequency_hz: float) -> bool:
        """Return whether a frequency is in the range."""
        return not (frequency_hz < self.lowest_hz or frequency_hz > self.highest_hz)


def parse_whitelist(entries: Sequence[str]) -> dict[str, Allowed]:
    """Return the whitelist of entries such as ``gpu`` or ``cpu:600e6-1400e6`` [Hz].

    Raises PlatformError for an entry of another form, and a domain that is listed twice.
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
                field='whitelist', value=entry, expected='names of domains, each once'
            )
        whitelist[name] = allowed
    return whitelist


def default_whitelist(sysfs: Sysfs, domains: Sequence[LinuxDomain]) -> dict[str, Allowed]:
    """Return the whitelist of CPU and GPU, up to their current limits.

    Such a limit may enforce a power budget, as that of nvpmodel does.
    """
    return {
        domain.name: Allowed(highest_hz=domain.limits(sysfs).max_hz)
        for domain in domains
        if domain.kind in DEFAULT_KINDS
    }


def allowed_domains(
    domains: Sequence[LinuxDomain], whitelist: Mapping[str, Allowed]
) -> dict[str, FrequencyDomain]:
    """Return the domains on the whitelist, each with its allowed frequencies.

    Raises PlatformError for an unknown domain, and a range without any of its frequencies.
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
                else 'no entry: this machine has no frequency domains',
            )
        listed_hz = by_name[name].frequencies_hz
        frequencies_hz = tuple(each for each in listed_hz if allowed.contains(each))
        if not frequencies_hz:
            raise PlatformError(
                field=f'whitelist.{name}',
                value=f'{allowed.lowest_hz:.0f}-{allowed.highest_hz:.0f}',
                expected=f'a range with one of its frequencies, {listed_hz[0]:.0f} to '
                f'{listed_hz[-1]:.0f} Hz',
            )
        found[name] = FrequencyDomain(name, frequencies_hz, change_delay_s=0.0)
    return found
