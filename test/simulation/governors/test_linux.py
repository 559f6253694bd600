# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The rule of each governor, as Linux documents it, with loads computed by hand."""

import pytest

from dynofa_ros.platform import FrequencyDomain, PlatformError
from dynofa_ros.simulation import machine as machine_module
from dynofa_ros.simulation.governors.linux import GOVERNORS, make_governor

DOMAIN = FrequencyDomain('gpu', (1e8, 2e8, 3e8, 4e8), change_delay_s=0.8)


def after(name, busy, *, frequency_hz=4e8, seconds=0.01):
    """Return the frequency a governor sets after some time at one load and frequency."""
    governor = make_governor(name, DOMAIN)
    governor.load(seconds, busy=busy, frequency_hz=frequency_hz)
    return governor.next_hz(frequency_hz)


def test_performance_and_powersave_ignore_the_load():
    for busy in (0.0, 1.0):
        assert after('performance', busy) == 4e8
        assert after('powersave', busy) == 1e8


@pytest.mark.parametrize(
    ('busy', 'expected_hz'),
    # In proportion between the ends, 100 + 300 x load, to the nearest; the highest above 95 %.
    [(0.0, 1e8), (0.1, 1e8), (0.2, 2e8), (0.5, 2e8), (0.7, 3e8), (0.94, 4e8), (0.96, 4e8)],
)
def test_ondemand_is_proportional_to_the_load(busy, expected_hz):
    assert after('ondemand', busy) == expected_hz
    assert after('ondemand', busy, frequency_hz=1e8) == expected_hz


@pytest.mark.parametrize(
    ('busy', 'at_hz', 'expected_hz'),
    [
        (0.91, 2e8, 4e8),  # above 90 %: the highest frequency
        (0.89, 2e8, 2e8),  # between 85 and 90 %: unchanged
        (0.80, 4e8, 4e8),  # 0.80 x 400 / 0.875 = 366 MHz, or above
        (0.60, 4e8, 3e8),  # 274 MHz
        (0.40, 4e8, 2e8),  # 183 MHz
        (0.40, 2e8, 1e8),  # 91 MHz
        (0.0, 4e8, 1e8),
    ],
)
def test_simple_ondemand_follows_the_load(busy, at_hz, expected_hz):
    assert after('simple_ondemand', busy, frequency_hz=at_hz) == expected_hz


@pytest.mark.parametrize(
    ('busy', 'at_hz', 'expected_hz'),
    [
        (0.5, 4e8, 3e8),  # 1.25 x 0.5 x 400 = 250 MHz, or above
        (0.6, 4e8, 3e8),  # 300 MHz
        (0.61, 4e8, 4e8),
        (0.5, 2e8, 2e8),  # the same load at a lower frequency is less work: 125 MHz
        (1.0, 2e8, 3e8),  # 250 MHz: the highest frequency is not reached at once
        (0.0, 4e8, 1e8),
    ],
)
def test_schedutil_leaves_a_headroom_of_a_quarter(busy, at_hz, expected_hz):
    assert after('schedutil', busy, frequency_hz=at_hz, seconds=10.0) == expected_hz


def test_the_utilisation_of_schedutil_halves_in_32_periods_of_1024_us():
    governor = make_governor('schedutil', DOMAIN)
    governor.load(10.0, busy=0.9, frequency_hz=4e8)
    governor.load(0.032768, busy=0.0, frequency_hz=4e8)
    assert governor.next_hz(4e8) == 3e8  # 1.25 x 0.45 x 400 = 225 MHz
    governor.load(0.032768, busy=0.0, frequency_hz=4e8)
    assert governor.next_hz(4e8) == 2e8


def test_schedutil_estimates_a_running_frame_by_the_last_one():
    governor = make_governor('schedutil', DOMAIN)
    governor.load(10.0, busy=1.0, frequency_hz=4e8)
    governor.frame_done()
    for _ in range(100):
        governor.load(0.01, busy=0.0, frequency_hz=4e8)
    assert governor.next_hz(4e8) == 1e8
    governor.load(1e-6, busy=1.0, frequency_hz=4e8)
    assert governor.next_hz(4e8) == 4e8


@pytest.mark.parametrize('name', sorted(GOVERNORS))
def test_every_governor_sets_a_listed_frequency(name):
    for busy in (0.0, 0.33, 0.87, 0.93, 1.0):
        for frequency_hz in DOMAIN.frequencies_hz:
            assert after(name, busy, frequency_hz=frequency_hz) in DOMAIN.frequencies_hz


def test_each_sample_starts_a_new_period():
    governor = make_governor('ondemand', DOMAIN)
    governor.load(0.01, busy=1.0, frequency_hz=4e8)
    assert governor.next_hz(4e8) == 4e8
    governor.load(0.01, busy=0.0, frequency_hz=4e8)
    assert governor.next_hz(4e8) == 1e8


def test_an_unknown_governor_is_refused_with_a_list_of_the_known_ones():
    with pytest.raises(PlatformError, match="'warp'; expected one of ondemand, perf"):
        make_governor('warp', DOMAIN)


@pytest.mark.parametrize('governor', ['ondemand', 'schedutil', 'simple_ondemand'])
def test_a_governor_that_sleeps_while_idle_sets_the_same_as_one_that_keeps_sampling(
    sim, governor, monkeypatch
):
    def events():
        # 0.73 s: frames start at many phases of the sampling period.
        camera = sim.app(period_s=0.73, period_jitter=0.1)
        sim(f'static-largest:{governor}', camera, duration_s=60.0, latency_jitter=0.1)
        return sim.events

    sleeping = events()
    sleepless = machine_module.GovernedDomain

    def never_at_the_lowest(governor, processors, lowest_hz, **options):
        return sleepless(governor, processors, -1.0, **options)

    monkeypatch.setattr(machine_module, 'GovernedDomain', never_at_the_lowest)
    sampling = events()
    assert [each['event'] for each in sleeping] == [each['event'] for each in sampling]
    for left, right in zip(sleeping, sampling, strict=True):
        assert left['at_s'] == pytest.approx(right['at_s'], abs=1e-6)
        assert left.get('frequency_hz') == right.get('frequency_hz')


def test_a_governed_frequency_rises_under_load_and_falls_without(sim):
    sim('static-largest:ondemand')
    # Samples at 10 ms: 5 ms of work, no work, and the next frame at full load.
    assert sim.of('clock', 'frequency_hz', domain='gpu')[:3] == [2e8, 1e8, 4e8]
