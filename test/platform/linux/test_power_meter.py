# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Samples, periods and sources of the power, and the thread that takes samples."""

import itertools
import math
import threading
import time

import pytest

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.device import PowerSample
from dynofa_ros.platform.linux import LinuxMachine
from dynofa_ros.platform.linux import power_meter as module
from dynofa_ros.platform.linux.power_meter import MAX_SAMPLES, PowerMeter, Sampler

ENERGY = '/sys/class/powercap/intel-rapl:0/energy_uj'
BATTERY = '/sys/class/power_supply/BAT0'
VDD_IN_MA = '/sys/class/hwmon/hwmon3/curr1_input'  # at 5 V


@pytest.fixture
def meter_of(board, clock):
    """Return a function that meters a board."""

    def meter(name, without=()):
        kernel = board(name)
        for file in without:
            kernel.path(file).unlink()
        return kernel, PowerMeter(kernel, LinuxMachine.discover(kernel), clock=clock)

    return meter


def sample(meter, clock, seconds):
    clock.now_s += seconds
    meter.sample()


@pytest.mark.parametrize(
    ('name', 'without', 'detail'),
    [
        ('xavier_nx_jetpack5', (), 'rails VDD_IN'),
        ('intel_laptop', (), 'RAPL, CPU packages only'),
        ('intel_laptop', (ENERGY,), 'battery BAT0, while it discharges'),
        ('raspberry_pi_5', (), 'no power sensor'),
    ],
)
def test_the_sensor_is_named(meter_of, name, without, detail):
    assert meter_of(name, without)[1].detail == detail


def test_several_batteries_are_all_named(board, clock):
    kernel = board('container')
    for name in ('BAT0', 'BAT1'):
        kernel.put(f'/sys/class/power_supply/{name}/type', 'Battery')
    meter = PowerMeter(kernel, LinuxMachine.discover(kernel), clock=clock)
    assert meter.detail == 'battery BAT0, BAT1, while it discharges'


def test_before_the_first_period_the_power_is_unknown(meter_of):
    _, meter = meter_of('xavier_nx_jetpack5')
    assert (meter.energy_j, meter.source, math.isnan(meter.power_w)) == (0.0, 'unavailable', True)


def test_power_changes_linearly_between_samples(meter_of, clock):
    kernel, meter = meter_of('xavier_nx_jetpack5')
    start_s = clock.now_s
    sample(meter, clock, 0.5)
    kernel.put(VDD_IN_MA, 2048)
    sample(meter, clock, 0.25)
    assert meter.take_samples() == [
        PowerSample(start_s + 0.5, pytest.approx(2.56), 'measured_rail'),
        PowerSample(start_s + 0.75, pytest.approx(4.48), 'measured_rail'),
    ]
    assert meter.take_samples() == []
    meter.end_period()
    assert (meter.power_w, meter.source) == (pytest.approx(4.48 / 0.75), 'measured_rail')


def test_a_period_begins_where_the_last_one_ended(meter_of, clock):
    kernel, meter = meter_of('xavier_nx_jetpack5')
    sample(meter, clock, 2.0)
    meter.end_period()
    kernel.put(VDD_IN_MA, 2048)
    sample(meter, clock, 1e-9)
    sample(meter, clock, 1.0)
    meter.end_period()
    assert meter.power_w == pytest.approx(10.24)
    meter.end_period()  # without a sample since
    assert meter.power_w == pytest.approx(10.24)


def test_without_time_there_is_no_sample(meter_of, clock):
    _, meter = meter_of('xavier_nx_jetpack5')
    sample(meter, clock, 0.0)
    sample(meter, clock, -1.0)
    assert meter.take_samples() == []


def test_a_gap_makes_its_period_unknown_and_the_next_one_known(meter_of, clock):
    kernel, meter = meter_of('intel_laptop', (ENERGY,))
    for status in ('Charging', 'Discharging', 'Discharging'):
        kernel.put(f'{BATTERY}/status', status)
        sample(meter, clock, 1.0)
    energies_j = [each.energy_j for each in meter.take_samples()]
    assert energies_j == pytest.approx([math.nan, math.nan, 9.0], nan_ok=True)
    meter.end_period()
    assert (math.isnan(meter.power_w), meter.source) == (True, 'unavailable')
    sample(meter, clock, 1.0)
    meter.end_period()
    assert (meter.power_w, meter.source) == (pytest.approx(9.0), 'measured_battery')


def test_a_gap_is_a_sample_of_its_own_time(meter_of, clock):
    kernel, meter = meter_of('intel_laptop', (ENERGY,))
    kernel.put(f'{BATTERY}/status', 'Charging')
    sample(meter, clock, 1.5)
    (gap,) = meter.take_samples()
    assert (gap.at_s, gap.source) == (clock.now_s, 'unavailable')


def test_a_counter_that_fails_is_a_gap(meter_of, clock):
    kernel, meter = meter_of('intel_laptop')
    kernel.path(ENERGY).unlink()
    sample(meter, clock, 1.0)
    assert [math.isnan(each.energy_j) for each in meter.take_samples()] == [True]


def test_samples_that_nobody_takes_are_limited(meter_of, clock):
    _, meter = meter_of('xavier_nx_jetpack5')
    for _ in range(MAX_SAMPLES + 10):
        sample(meter, clock, 0.125)
    taken = meter.take_samples()
    assert (len(taken), taken[-1].at_s) == (MAX_SAMPLES, clock.now_s)


class Waits:
    """Stands for `threading.Event`, without waiting: it is set after some waits."""

    def __init__(self, count):
        self.times_s, self._left = [], count

    def wait(self, timeout_s):
        self.times_s.append(timeout_s)
        self._left -= 1
        return self._left < 0


def test_the_sampling_period_varies_around_its_mean(monkeypatch):
    monkeypatch.setattr(time, 'monotonic', lambda: 0.0)
    samples = itertools.count()
    sampler = Sampler(lambda: next(samples), rate_hz=1e9)
    sampler.stop()
    assert sampler._period_s == 1e-9
    sampler._period_s, sampler._stopped = 0.1, Waits(400)
    before = next(samples)
    sampler._run()
    assert next(samples) == before + 401
    due_s = sampler._stopped.times_s
    periods_s = [after - before for before, after in itertools.pairwise(due_s)]
    assert due_s[0] == 0.0
    assert 0.07 <= min(periods_s) < 0.072
    assert 0.128 < max(periods_s) <= 0.13
    assert sum(periods_s) / len(periods_s) == pytest.approx(0.1, rel=0.02)


def test_missed_samples_are_not_made_up_for(monkeypatch):
    now_s = itertools.count(0, 1000.0)
    monkeypatch.setattr(time, 'monotonic', lambda: next(now_s))
    sampler = Sampler(lambda: None, rate_hz=1e9)
    sampler.stop()
    sampler._stopped = Waits(5)
    sampler._run()
    assert sampler._stopped.times_s == [0.0] * 6


def test_a_sampler_has_a_thread_until_it_is_stopped():
    taken = threading.Event()
    sampler = Sampler(taken.set, rate_hz=1000.0)
    assert taken.wait(60)
    (thread,) = (each for each in threading.enumerate() if each.name == 'power sampler')
    assert thread.daemon
    sampler.stop()
    assert not thread.is_alive()


@pytest.mark.parametrize('rate_hz', [0.0, -1.0, math.nan])
def test_a_sampling_rate_must_be_positive(rate_hz):
    with pytest.raises(PlatformError, match=r'rate_hz is .*; expected'):
        Sampler(lambda: None, rate_hz=rate_hz)


def test_the_jitter_is_30_percent():
    assert module.JITTER == 0.3
