# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Temperatures follow power with one time constant; throttling has hysteresis."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.thermal import ThermalZone


def test_one_time_constant_covers_63_percent_of_the_rise(gpu_zone: ThermalZone) -> None:
    assert gpu_zone.after(20.0, power_w=4.0, dt_s=10.0) == pytest.approx(
        20 + 40 * (1 - math.exp(-1))
    )


@given(
    start_c=st.floats(0, 100),
    power_w=st.floats(0, 50),
    first_s=st.floats(0, 60),
    second_s=st.floats(0, 60),
)
def test_two_steps_equal_one_step_of_their_sum(
    gpu_zone: ThermalZone, start_c: float, power_w: float, first_s: float, second_s: float
) -> None:
    halfway_c = gpu_zone.after(start_c, power_w=power_w, dt_s=first_s)
    both_c = gpu_zone.after(halfway_c, power_w=power_w, dt_s=second_s)
    at_once_c = gpu_zone.after(start_c, power_w=power_w, dt_s=first_s + second_s)
    assert both_c == pytest.approx(at_once_c)


@pytest.mark.parametrize(
    ('temperature_c', 'already', 'throttles'),
    [(70.0, False, False), (70.1, False, True), (65.1, True, True), (65.0, True, False)],
)
def test_throttling_ends_below_its_start(
    gpu_zone: ThermalZone, temperature_c: float, already: bool, throttles: bool
) -> None:
    assert gpu_zone.throttles(temperature_c, already=already) is throttles


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('resistance_k_per_w', 0.0),
        ('time_constant_s', -1.0),
        ('ambient_c', math.nan),
        ('throttle_c', math.inf),
        ('hysteresis_k', -1.0),
        ('throttled_frequency_hz', 0.0),
    ],
)
def test_a_zone_refuses_impossible_values(gpu_zone: ThermalZone, field: str, value: float) -> None:
    with pytest.raises(PlatformError, match=field):
        dataclasses.replace(gpu_zone, **{field: value})
