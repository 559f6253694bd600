# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The rules by which measured energy is attributed, one by one: docs/energy.md."""

import math

import pytest

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.device import RAIL, RAPL, PowerSample
from dynofa_ros.platform.frame_energy import FrameEnergyLedger, FrameWork
from dynofa_ros.platform.frame_energy.idle import OTHER_SETTING_STD
from dynofa_ros.platform.frame_energy.ledger import GRACE_S, MAX_FRAMES, MIN_DELAY_S


def frame(start_s, end_s, *, app='camera', sequence=1, threads=1, modelled_j=math.nan):
    return FrameWork(app, sequence, 'cpu', threads, start_s, end_s, modelled_j)


class Meter:
    """An energy counter with known power, sampled 20 times a second into a ledger."""

    def __init__(self, *, idle_w=5.0, source=RAPL, idle_s=0.0):
        self.ledger = FrameEnergyLedger()
        self.idle_w, self.source = idle_w, source
        self.ticks, self.energy_j = 0, 0.0
        self.results = []
        self._sample()
        self.run(idle_s)

    @property
    def now_s(self):
        return self.ticks * 0.05

    def _sample(self):
        sample = PowerSample(self.now_s, self.energy_j, self.source)
        self.results += self.ledger.add_sample(sample)

    def run(self, seconds, *, above_w=0.0, sampled=True):
        for _ in range(round(seconds / 0.05)):
            self.ticks += 1
            self.energy_j += (self.idle_w + above_w) * 0.05
            if sampled:
                self._sample()

    def work(self, seconds, *, above_w, then_idle_s=0.0, **named):
        """Process one frame, report it, and idle."""
        start_s = self.now_s
        self.run(seconds, above_w=above_w)
        self.ledger.add_frame(frame(start_s, self.now_s, **named))
        self.run(then_idle_s)

    def work_together(self, seconds, *frames, above_w):
        """Process several frames at the same time, report them, and idle."""
        start_s = self.now_s
        self.run(seconds, above_w=above_w)
        for named in frames:
            self.ledger.add_frame(frame(start_s, self.now_s, **named))
        self.run(1)

    def energies_j(self, app='camera'):
        return [each.energy_j for each in self.results if each.frame.app == app]

    @property
    def sources(self):
        return [each.source for each in self.results]


@pytest.fixture
def meter():
    """A meter after two seconds of idle."""
    return Meter(idle_s=2)


def test_a_frame_has_the_energy_measured_above_idle(meter):
    meter.work(0.2, above_w=8.0, then_idle_s=1)
    (result,) = meter.results
    assert result.energy_j == pytest.approx(1.6)
    assert (result.source, result.share) == (RAPL, 1.0)
    assert result.idle_power_w == pytest.approx(5.0)


def test_a_frame_is_settled_once_a_longer_overlapping_one_would_be_known(meter):
    meter.work(0.1, above_w=8.0, then_idle_s=GRACE_S + MIN_DELAY_S - 0.06)
    assert meter.results == []
    meter.run(0.12)
    assert len(meter.results) == 1


def test_overlapping_frames_share_in_proportion_to_the_model(meter):
    meter.work_together(
        0.2, {'app': 'a', 'modelled_j': 2.0}, {'app': 'b', 'modelled_j': 1.0}, above_w=9.0
    )
    assert meter.energies_j('a') == [pytest.approx(1.2)]
    assert meter.energies_j('b') == [pytest.approx(0.6)]
    assert [each.share for each in meter.results] == [pytest.approx(2 / 3), pytest.approx(1 / 3)]


def test_overlapping_frames_share_by_core_seconds_unless_the_model_knows_all(meter):
    meter.work_together(
        0.2,
        {'app': 'a', 'threads': 4, 'modelled_j': 0.1},
        {'app': 'b', 'threads': 1},
        above_w=10.0,
    )
    assert meter.energies_j('a') == [pytest.approx(1.6)]
    assert meter.energies_j('b') == [pytest.approx(0.4)]


def test_a_long_frame_reported_after_short_ones_has_its_share(meter):
    start_s = meter.now_s
    for sequence in (1, 2, 3):
        meter.work(0.1, above_w=6.0, sequence=sequence, modelled_j=0.4)
    meter.ledger.add_frame(frame(start_s, meter.now_s, app='long', modelled_j=0.6))
    meter.run(1)
    assert meter.energies_j() == [pytest.approx(0.4)] * 3
    assert meter.energies_j('long') == [pytest.approx(0.6)]


@pytest.mark.parametrize(
    ('measured', 'modelled_j', 'energy_j', 'source'),
    [
        pytest.param(RAPL, math.nan, math.nan, 'unavailable', id='idle power unknown'),
        pytest.param('unavailable', 0.7, 0.7, 'modelled', id='no sensor'),
        pytest.param('unavailable', math.nan, math.nan, 'unavailable', id='no sensor, no model'),
    ],
)
def test_a_frame_that_cannot_be_measured_is_modelled_or_unavailable(
    measured, modelled_j, energy_j, source
):
    meter = Meter(source=measured)
    meter.work(0.1, above_w=8.0, then_idle_s=1, modelled_j=modelled_j)
    (result,) = meter.results
    assert result.energy_j == pytest.approx(energy_j, rel=0, abs=0, nan_ok=True)
    assert result.source == source
    assert math.isnan(result.energy_std_j)


def lose_the_sensor(meter):
    meter.source = 'unavailable'


def read_nan(meter):
    meter.energy_j = math.nan


def reset_the_counter(meter):
    meter.energy_j = 0.0


def pause_sampling(meter):
    meter.run(0.6, sampled=False)


def set_the_clock_back(meter):
    meter.ticks -= 20


@pytest.mark.parametrize(
    'disturb', [lose_the_sensor, read_nan, reset_the_counter, pause_sampling, set_the_clock_back]
)
def test_a_frame_with_a_gap_in_its_samples_is_unavailable(meter, disturb):
    start_s = meter.now_s
    meter.run(0.1, above_w=8.0)
    disturb(meter)
    meter.run(0.1, above_w=8.0)
    meter.ledger.add_frame(frame(min(start_s, meter.now_s - 0.1), meter.now_s, modelled_j=1.0))
    meter.run(2)
    assert meter.sources == ['unavailable']
    assert math.isnan(meter.results[0].energy_j)


def test_after_a_gap_frames_are_measured_again(meter):
    meter.source = 'unavailable'
    meter.run(1)
    meter.source = RAPL
    meter.run(1)
    meter.work(0.2, above_w=8.0, then_idle_s=1)
    assert meter.energies_j() == [pytest.approx(1.6)]


def test_each_source_has_its_own_idle_power(meter):
    meter.source, meter.idle_w = RAIL, 9.0
    meter.run(2)
    meter.work(0.2, above_w=8.0, then_idle_s=3)
    assert meter.energies_j() == [pytest.approx(1.6)]


def test_the_energy_of_a_lost_report_is_not_attributed_to_other_frames(meter):
    meter.work(0.1, above_w=8.0, sequence=1)
    meter.run(0.1, above_w=8.0)  # frame 2, whose report is lost
    meter.work(0.1, above_w=8.0, sequence=3, then_idle_s=2)
    totals = meter.ledger.totals
    assert totals.frames_j == pytest.approx(1.6)
    assert totals.unattributed_j == pytest.approx(1.3)
    assert meter.ledger.add_frame(frame(meter.now_s - 0.1, meter.now_s, sequence=4))


def test_the_number_of_open_frames_is_bounded():
    ledger = FrameEnergyLedger()
    ledger.add_sample(PowerSample(0.0, 0.0, RAPL))
    added = [ledger.add_frame(frame(1e-3 * n, 1e-3 * n + 0.01)) for n in range(MAX_FRAMES + 10)]
    assert added == [True] * MAX_FRAMES + [False] * 10


def test_one_long_frame_does_not_delay_the_others_forever():
    meter = Meter()
    meter.ledger.add_frame(frame(1e9, 1e9 + 9, app='wrong'))
    meter.run(2)
    meter.work(0.2, above_w=8.0, then_idle_s=1)
    assert meter.energies_j() == [pytest.approx(1.6)]


def test_a_frame_in_the_far_future_is_dropped():
    meter = Meter()
    meter.ledger.add_frame(frame(1e9, 1e9 + 1))
    meter.run(1)
    assert meter.sources == ['unavailable']


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'start_s': math.nan}, r"frame of 'camera'.start_s is nan"),
        ({'start_s': 2.0}, r'duration_s is -1.0; expected 1e-06 to 10 s'),
        ({'start_s': -20.0}, r'duration_s is 21.0'),
        ({'app': ''}, r'app is .*; expected a text that is not empty'),
        ({'sequence': -1}, r'sequence is -1; expected at least 0'),
    ],
)
def test_an_impossible_frame_is_rejected(change, text):
    with pytest.raises(PlatformError, match=text):
        frame(**({'start_s': 0.0, 'end_s': 1.0} | change))


@pytest.mark.parametrize('source', [RAPL, RAIL])
def test_idle_power_is_that_of_the_frequency_setting_of_the_frame(source):
    """The third frame runs at a setting at which idle power was observed before."""
    meter = Meter(source=source)
    settings = [('high', 5.0), ('low', 2.0), ('high', 5.0)]
    for sequence, (setting, idle_w) in enumerate(settings, start=1):
        meter.ledger.set_frequencies(meter.now_s, setting)
        meter.idle_w = idle_w
        meter.run(3)
        meter.work(0.2, above_w=8.0, sequence=sequence, then_idle_s=3)
    assert meter.energies_j() == [pytest.approx(1.6, rel=1e-6)] * 3


def test_right_after_a_frequency_change_the_idle_power_is_uncertain():
    meter = Meter()
    meter.ledger.set_frequencies(0.0, 'high')
    meter.run(3)
    meter.ledger.set_frequencies(meter.now_s, 'low')
    meter.work(0.2, above_w=8.0, then_idle_s=2)
    (energy,) = meter.results
    assert energy.energy_common_std_j == pytest.approx(0.2 * OTHER_SETTING_STD * 5.0)
