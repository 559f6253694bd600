# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Check a whole DVFS command against a platform before it is applied, simulated or not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.device import DomainSetting
from dynofa_ros.platform.processor import FrequencyDomain


@dataclass(frozen=True)
class Limits:
    """Lowest and highest allowed frequency of a domain [Hz]."""

    min_hz: float
    max_hz: float

    @property
    def fixed(self) -> bool:
        """Whether they allow one frequency only."""
        return self.min_hz == self.max_hz


def resolve(
    settings: Sequence[DomainSetting],
    *,
    domains: Mapping[str, FrequencyDomain],
    current: Mapping[str, Limits],
) -> dict[str, Limits]:
    """Return the limits requested by a command, by domain.

    An end of the range that is NaN keeps its `current` value. Raises PlatformError for a command
    without domains, with a duplicate or unknown domain, with a domain but no frequency, with a
    frequency that is not available, or with a minimum above the maximum.
    """
    names = ', '.join(sorted(domains))
    if not settings:
        raise PlatformError(field='domains', value=[], expected=f'at least one of {names}')
    resolved: dict[str, Limits] = {}
    for setting in settings:
        if setting.domain not in domains:
            raise PlatformError(field='domain', value=setting.domain, expected=f'one of {names}')
        if setting.domain in resolved:
            raise PlatformError(
                field='domain', value=setting.domain, expected='each domain once in a command'
            )
        resolved[setting.domain] = _limits(
            setting, domain=domains[setting.domain], current=current[setting.domain]
        )
    return resolved


def _limits(setting: DomainSetting, *, domain: FrequencyDomain, current: Limits) -> Limits:
    field = f'{domain.name}.frequency_hz'
    if not math.isnan(setting.frequency_hz):
        frequency_hz = domain.check(field, setting.frequency_hz)
        return Limits(frequency_hz, frequency_hz)
    if math.isnan(setting.min_frequency_hz) and math.isnan(setting.max_frequency_hz):
        raise PlatformError(
            field=field,
            value=math.nan,
            expected='a frequency, or a range with min_frequency_hz, max_frequency_hz or both',
        )
    min_hz, max_hz = current.min_hz, current.max_hz
    if not math.isnan(setting.min_frequency_hz):
        min_hz = domain.check(f'{domain.name}.min_frequency_hz', setting.min_frequency_hz)
    if not math.isnan(setting.max_frequency_hz):
        max_hz = domain.check(f'{domain.name}.max_frequency_hz', setting.max_frequency_hz)
    if min_hz > max_hz:
        raise PlatformError(
            field=f'{domain.name}.min_frequency_hz',
            value=min_hz,
            expected=f'at most the maximum, {max_hz:.0f} Hz (NaN keeps the previous limit)',
        )
    return Limits(min_hz, max_hz)
