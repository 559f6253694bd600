"""Temperatures follow power with one time constant, and hold clocks back with hysteresis."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.thermal import ThermalZone

ZONE = ThermalZone(
    name='zone',
    domain='gpu',
    ambient_c=20.0,
    resistance_k_per_w=10.0,
    time_constant_s=10.0,
    throttle_c=70.0,
    hysteresis_k=5.0,
    throttled_frequency_hz=1e8,
)


def test_after_one_time_constant_63_percent_of_the_rise_is_done() -> None:
    assert ZONE.after(20.0, power_w=4.0, dt_s=10.0) == pytest.approx(20 + 40 * (1 - math.exp(-1)))


@given(
    start_c=st.floats(0, 100),
    power_w=st.floats(0, 50),
    first_s=st.floats(0, 60),
    second_s=st.floats(0, 60),
)
def test_two_steps_are_one_step_of_their_sum(
    start_c: float, power_w: float, first_s: float, second_s: float
) -> None:
    halfway_c = ZONE.after(start_c, power_w=power_w, dt_s=first_s)
    both_c = ZONE.after(halfway_c, power_w=power_w, dt_s=second_s)
    at_once_c = ZONE.after(start_c, power_w=power_w, dt_s=first_s + second_s)
    assert both_c == pytest.approx(at_once_c)


@pytest.mark.parametrize(
    ('temperature_c', 'already', 'throttles'),
    [(70.0, False, False), (70.1, False, True), (65.1, True, True), (65.0, True, False)],
)
def test_throttling_ends_below_where_it_began(
    temperature_c: float, already: bool, throttles: bool
) -> None:
    assert ZONE.throttles(temperature_c, already=already) is throttles


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
def test_a_zone_refuses(field: str, value: float) -> None:
    with pytest.raises(PlatformError, match=field):
        dataclasses.replace(ZONE, **{field: value})
