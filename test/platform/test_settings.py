# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A DVFS command is valid as a whole, or refused as a whole with a reason."""

from __future__ import annotations

import math

import pytest

from dynofa_ros.platform import DomainSetting, Platform, PlatformError
from dynofa_ros.platform.settings import Limits, resolve

CURRENT = {'cpu': Limits(1e9, 2e9), 'gpu': Limits(1e8, 4e8)}


def resolved(machine: Platform, *settings: DomainSetting) -> dict[str, Limits]:
    return resolve(settings, domains=machine.domains, current=CURRENT)


def test_a_frequency_sets_both_limits(machine: Platform) -> None:
    limits = resolved(machine, DomainSetting('gpu', 2e8))
    assert limits == {'gpu': Limits(2e8, 2e8)}
    assert limits['gpu'].fixed


def test_a_frequency_takes_precedence_over_a_range(machine: Platform) -> None:
    # A message built with the frequency alone has zeros in the range.
    assert resolved(machine, DomainSetting('gpu', 2e8, 0.0, 0.0)) == {'gpu': Limits(2e8, 2e8)}


@pytest.mark.parametrize(
    ('min_hz', 'max_hz', 'limits'),
    [
        (1e8, 2e8, Limits(1e8, 2e8)),
        (2e8, math.nan, Limits(2e8, 4e8)),
        (math.nan, 2e8, Limits(1e8, 2e8)),
        (2e8, 2e8, Limits(2e8, 2e8)),
    ],
)
def test_an_unspecified_end_of_a_range_is_kept(
    machine: Platform, min_hz: float, max_hz: float, limits: Limits
) -> None:
    setting = DomainSetting('gpu', min_frequency_hz=min_hz, max_frequency_hz=max_hz)
    assert resolved(machine, setting) == {'gpu': limits}


def test_a_frequency_within_half_a_hertz_is_the_listed_one(machine: Platform) -> None:
    assert resolved(machine, DomainSetting('gpu', 2e8 + 0.5)) == {'gpu': Limits(2e8, 2e8)}


@pytest.mark.parametrize(
    ('settings', 'field', 'allowed'),
    [
        ([], 'domains', 'at least one of cpu, gpu'),
        ([DomainSetting('dla', 1e8)], 'domain', 'one of cpu, gpu'),
        ([DomainSetting('', 1e8)], 'domain', 'one of cpu, gpu'),
        ([DomainSetting('gpu', 1e8), DomainSetting('gpu', 2e8)], 'domain', 'once'),
        ([DomainSetting('gpu')], 'gpu.frequency_hz', 'or a range'),
        ([DomainSetting('gpu', 2.9e8)], 'gpu.frequency_hz', 'nearest is 200000000 Hz'),
        ([DomainSetting('gpu', 0.0)], 'gpu.frequency_hz', 'nearest is 100000000 Hz'),
        ([DomainSetting('gpu', -1e8)], 'gpu.frequency_hz', 'nearest is 100000000 Hz'),
        ([DomainSetting('gpu', math.inf)], 'gpu.frequency_hz', '100000000 to 400000000 Hz'),
        (
            [DomainSetting('gpu', min_frequency_hz=3e8)],
            'gpu.min_frequency_hz',
            'nearest is 200000000 Hz',
        ),
        (
            [DomainSetting('gpu', max_frequency_hz=5e8)],
            'gpu.max_frequency_hz',
            'nearest is 400000000 Hz',
        ),
        (
            [DomainSetting('gpu', min_frequency_hz=4e8, max_frequency_hz=1e8)],
            'gpu.min_frequency_hz',
            'at most the maximum, 100000000 Hz',
        ),
        ([DomainSetting('cpu', 1e9), DomainSetting('gpu', 3e8)], 'gpu.frequency_hz', 'nearest'),
    ],
)
def test_an_invalid_command_is_refused_with_the_allowed_values(
    machine: Platform, settings: list[DomainSetting], field: str, allowed: str
) -> None:
    with pytest.raises(PlatformError) as caught:
        resolved(machine, *settings)
    assert caught.value.field == field
    assert allowed in caught.value.expected


def test_lowering_the_maximum_below_a_kept_minimum_is_refused(machine: Platform) -> None:
    with pytest.raises(PlatformError, match='NaN keeps the previous limit'):
        resolve(
            [DomainSetting('gpu', max_frequency_hz=1e8)],
            domains=machine.domains,
            current={'gpu': Limits(2e8, 2e8)},
        )
