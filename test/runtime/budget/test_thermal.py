# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The thermal path is learned, and no board throttles, for a range of heat sinks."""

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from dynofa_ros.platform.thermal import ThermalZone
from dynofa_ros.runtime import ManagerSettings, TemperatureObservation
from dynofa_ros.runtime.budget.cap import Cap, CapFilter
from dynofa_ros.runtime.budget.thermal import ThermalCap, ThermalPath

THROTTLE_C, MARGIN_K = 95.0, ManagerSettings.thermal_margin_k
IDLE_W, FULL_W = 3.0, 12.0
POWERS_W = np.linspace(IDLE_W, FULL_W, 12)  # to choose from
# Resistance [K/W], time constant [s], air [degrees Celsius]: all throttle at full power.
HOT = [
    (3.2, 50.0, 74.0),  # the shipped Xavier NX in scenario heat
    (1.6, 100.0, 80.0),
    (10.0, 30.0, 20.0),  # a bare board
    (10.0, 100.0, 25.0),
    (6.0, 200.0, 40.0),
    (2.0, 15.0, 74.0),
    (5.0, 8.0, 45.0),  # a sensor on the die
    (1.5, 400.0, 80.0),  # a large housing
]
COLD = [(3.2, 50.0, 25.0), (1.6, 100.0, 25.0), (2.0, 10.0, 25.0), (1.0, 400.0, 40.0)]


class Board:
    """A board that chooses the largest power within the cap, at 1 Hz."""

    def __init__(self, resistance_k_per_w, time_constant_s, air_c, *, resolution_k=0.5, seed=0):
        self.zone = ThermalZone(
            'soc', 'gpu', air_c, resistance_k_per_w, time_constant_s, THROTTLE_C, 5.0, 1e8
        )
        self._resolution_k, self._rng = resolution_k, np.random.default_rng(seed)
        self._cap, self._filter = ThermalCap(), CapFilter()
        self.temperature_c = self.zone.steady_c(IDLE_W)
        self.powers_w = [FULL_W]
        self.temperatures_c = [self.temperature_c]

    def run(self, seconds):
        for now_s in range(seconds):
            power_w = self.powers_w[-1]
            for _ in range(10):
                self.temperature_c = self.zone.after(self.temperature_c, power_w=power_w, dt_s=0.1)
                self.temperatures_c.append(self.temperature_c)
            self._cap.observe([self._reading()], power_w=power_w, dt_s=1.0)
            held_w = self._filter.update(self._cap.cap(margin_k=MARGIN_K).power_w, now_s=now_s)
            self.powers_w.append(max((p for p in POWERS_W if p <= held_w), default=IDLE_W))

    def _reading(self):
        reading_c = self.temperature_c
        if self._resolution_k:
            noisy_c = reading_c + 0.1 * self._rng.normal()
            reading_c = round(noisy_c / self._resolution_k) * self._resolution_k
        return TemperatureObservation('soc', reading_c, THROTTLE_C)

    def changes(self, seconds):
        last = self.powers_w[-seconds:]
        return sum(before != after for before, after in pairwise(last))


@cache
def after_20_minutes(path, *, resolution_k=0.5):
    board = Board(*path, resolution_k=resolution_k)
    board.run(1200)
    return board


@pytest.mark.parametrize('resolution_k', [0.0, 0.5])
@pytest.mark.parametrize('path', HOT)
def test_no_board_throttles_or_exceeds_the_margin(path, resolution_k):
    assert path[2] + path[0] * FULL_W > THROTTLE_C
    board = after_20_minutes(path, resolution_k=resolution_k)
    assert max(board.temperatures_c) < THROTTLE_C - MARGIN_K + 0.3


@pytest.mark.parametrize('path', HOT)
def test_it_does_not_flap_after_learning(path):
    board = after_20_minutes(path)
    assert board.changes(900) <= 15  # one per minute


@pytest.mark.parametrize('path', HOT)
def test_it_wastes_at_most_three_power_steps(path):
    board = after_20_minutes(path)
    lasting_w = min(FULL_W, (THROTTLE_C - MARGIN_K - path[2]) / path[0])
    step_w = POWERS_W[1] - POWERS_W[0]
    assert np.mean(board.powers_w[-600:]) > max(IDLE_W, lasting_w) - 3.0 * step_w


@pytest.mark.parametrize('path', COLD)
def test_a_board_that_stays_cool_has_no_effective_cap(path):
    board = Board(*path)
    board.run(600)
    assert min(board.powers_w) == FULL_W


def test_warming_air_does_not_cause_throttling():
    board = Board(3.2, 50.0, 45.0)
    board.run(300)
    assert board.powers_w[-1] == FULL_W
    board.zone = ThermalZone('soc', 'gpu', 75.0, 3.2, 50.0, THROTTLE_C, 5.0, 1e8)
    board.run(600)
    assert max(board.temperatures_c) < THROTTLE_C
    assert board.powers_w[-1] < FULL_W


def test_the_hottest_sensor_sets_the_cap_and_is_named():
    cap = ThermalCap()
    cool = TemperatureObservation('cpu', 40.0, 95.0)
    hot = TemperatureObservation('gpu', 89.0, 95.0)
    cap.observe([cool, hot], power_w=10.0, dt_s=1.0)
    assert 'gpu throttles at 95 degrees' in cap.cap(margin_k=5.0).reason


def test_above_the_limit_the_cap_is_below_the_present_power():
    cap = ThermalCap()
    for _ in range(30):
        cap.observe([TemperatureObservation('gpu', 93.0, 95.0)], power_w=10.0, dt_s=1.0)
    assert cap.cap(margin_k=5.0).power_w < 10.0


@pytest.mark.parametrize(
    'sensors',
    [
        [],
        [TemperatureObservation('gpu', math.nan, 95.0)],
        [TemperatureObservation('gpu', 90.0, math.nan)],
        [TemperatureObservation('gpu', 90.0, 0.0)],  # left unset
    ],
)
def test_without_a_temperature_or_its_limit_there_is_no_cap(sensors):
    cap = ThermalCap()
    cap.observe(sensors, power_w=10.0, dt_s=1.0)
    assert cap.cap(margin_k=5.0) == Cap()
    assert cap.warnings() == []


def test_a_failed_sensor_is_predicted_from_the_power():
    cap = ThermalCap()
    for _ in range(60):
        cap.observe([TemperatureObservation('gpu', 89.0, 95.0)], power_w=5.0, dt_s=1.0)
    before_w = cap.cap(margin_k=5.0).power_w
    for _ in range(60):
        cap.observe([], power_w=5.0, dt_s=1.0)
    assert cap.cap(margin_k=5.0).power_w == pytest.approx(before_w, rel=0.1)
    assert cap.warnings() == ['temperature of gpu unknown: predicted from power']


@pytest.mark.parametrize(
    ('values', 'error'),
    [
        (('', 50.0, 95.0), 'temperature sensor is empty'),
        (('gpu', math.inf, 95.0), 'gpu.temperature_c is inf; expected -300 to 10000 or NaN'),
        (('gpu', 50.0, -math.inf), 'gpu.throttle_c is -inf; expected'),
    ],
)
def test_an_impossible_temperature_is_rejected(values, error):
    with pytest.raises(ValueError, match=error):
        TemperatureObservation(*values)


class Reference:
    """The Kalman filter of the model in the textbook's form, with Joseph's covariance update."""

    def __init__(self, temperature_c, power_w):
        self.mean = np.array([temperature_c, temperature_c - 3.0 * power_w, 3.0])
        self.covariance = np.diag([0.3**2, 30.0**2, 2.0**2])

    def step(self, temperature_c, *, power_w, dt_s):
        share = 1.0 - math.exp(-dt_s / 60.0)
        move = np.array([[1.0 - share, share, share * power_w], [0, 1, 0], [0, 0, 1]])
        noise = np.diag([0.02**2, 0.1**2, 0.02**2]) * dt_s
        self.mean = move @ self.mean
        self.covariance = move @ self.covariance @ move.T + noise
        if temperature_c is None:
            return
        see = np.array([[1.0, 0.0, 0.0]])
        gain = self.covariance @ see.T / (see @ self.covariance @ see.T + 0.3**2)
        self.mean = self.mean + gain[:, 0] * (temperature_c - self.mean[0])
        rest = np.eye(3) - gain @ see
        self.covariance = rest @ self.covariance @ rest.T + 0.3**2 * gain @ gain.T
        self.mean[2] = max(self.mean[2], 0.3)


def test_the_estimate_is_that_of_a_kalman_filter():
    rng = np.random.default_rng(3)
    path, reference = ThermalPath(45.0, power_w=4.0), Reference(45.0, 4.0)
    for step in range(200):
        dt_s, power_w = float(rng.uniform(0.5, 3.0)), float(rng.uniform(2.0, 12.0))
        reading_c = None if step % 7 == 0 else 40.0 + 3.0 * power_w + float(rng.normal())
        path.advance(dt_s, power_w=power_w)
        if reading_c is not None:
            path.observe(reading_c)
        reference.step(reading_c, power_w=power_w, dt_s=dt_s)
        temperature_c, air_c, resistance = reference.mean
        limit_c = temperature_c + 3.0  # close to the limit, so the cap is that of the steady state
        assert path.power_w(limit_c) == pytest.approx(max(0.0, (limit_c - air_c) / resistance))


@pytest.mark.parametrize(
    ('limit_c', 'power_w'),
    [
        (52.0, (52.0 - 35.0) / 3.0),
        (54.0, (54.0 - 35.0) / 3.0),
        # 40 K left: the rate is 40 K / 60 s + 36 K / 20 s, over 60 s.
        (90.0, (50.0 + 40.0 + 3.0 * 36.0 - 35.0) / 3.0),
        (20.0, 0.0),
        (35.0, 0.0),
        (36.5, 0.5),
    ],
)
def test_the_closer_to_the_limit_the_slower_the_rise(limit_c, power_w):
    assert ThermalPath(50.0, power_w=5.0).power_w(limit_c) == pytest.approx(power_w)


def test_the_thermal_resistance_has_a_minimum():
    path = ThermalPath(20.0, power_w=0.0)
    for _ in range(50):
        path.advance(60.0, power_w=100.0)
        path.observe(20.0)
    assert path.power_w(1000.0) < 1e5


def test_each_sensor_is_advanced_by_the_power_and_named_with_its_limit():
    cap = ThermalCap()
    sensors = [TemperatureObservation('a', 60.0, 95.5), TemperatureObservation('b', 60.0, 85.25)]
    cap.observe(sensors, power_w=5.0, dt_s=1.0)
    alone = ThermalPath(60.0, power_w=5.0)
    assert cap.cap(margin_k=2.0) == Cap(
        alone.power_w(83.25), 'b throttles at 85.25 degrees', 'the thermal limit of b'
    )
    cap.observe([TemperatureObservation('a', 61.0, 300.0)], power_w=6.0, dt_s=2.0)
    alone.advance(2.0, power_w=6.0)
    assert cap.cap(margin_k=2.0).power_w == pytest.approx(alone.power_w(83.25))
    assert cap.warnings() == ['temperature of b unknown: predicted from power']
    alone = ThermalPath(60.0, power_w=5.0)
    alone.advance(2.0, power_w=6.0)
    alone.observe(61.0)
    cap.observe([TemperatureObservation('b', 20.0, 9999.0)], power_w=6.0, dt_s=0.5)
    alone.advance(0.5, power_w=6.0)
    assert cap.cap(margin_k=0.0) == Cap(
        alone.power_w(300.0), 'a throttles at 300 degrees', 'the thermal limit of a'
    )
