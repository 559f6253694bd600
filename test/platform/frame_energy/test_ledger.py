"""The rules by which measured energy is shared, one by one: docs/energy.md."""

import math

import pytest

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.device import RAIL, RAPL
from dynofa_ros.platform.frame_energy.frame_records import FrameWork
from dynofa_ros.platform.frame_energy.idle_by_clocks import OTHER_CLOCKS_STD
from dynofa_ros.platform.frame_energy.ledger import (
    GRACE_S,
    MAX_FRAMES,
    UNHEARD_S,
    FrameEnergyLedger,
)


def frame(start_s, end_s, *, app='camera', sequence=1, threads=1, weight_j=math.nan):
    return FrameWork(app, sequence, 'cpu', threads, start_s, end_s, weight_j)


class Meter:
    """A counter of a power that is known, which a ledger hears 20 times a second."""

    def __init__(self, *, idle_w=5.0, source=RAPL):
        self.ledger = FrameEnergyLedger()
        self.idle_w, self.source = idle_w, source
        self.ticks, self.energy_j = 0, 0.0
        self.said = []
        self._sample()

    @property
    def now_s(self):
        return self.ticks * 0.05

    def _sample(self):
        self.said += self.ledger.add_sample(self.now_s, energy_j=self.energy_j, source=self.source)

    def run(self, seconds, *, above_w=0.0, heard=True):
        for _ in range(round(seconds / 0.05)):
            self.ticks += 1
            self.energy_j += (self.idle_w + above_w) * 0.05
            if heard:
                self._sample()

    def work(self, seconds, *, above_w, **named):
        """Work on one frame, and report it."""
        start_s = self.now_s
        self.run(seconds, above_w=above_w)
        return self.ledger.add_frame(frame(start_s, self.now_s, **named))

    def energies_j(self, app='camera'):
        return [each.energy_j for each in self.said if each.frame.app == app]


def test_a_frame_takes_what_was_measured_above_idle():
    meter = Meter()
    meter.run(2)
    meter.work(0.2, above_w=8.0)
    meter.run(1)
    (said,) = meter.said
    assert said.energy_j == pytest.approx(1.6)
    assert (said.source, said.share) == (RAPL, 1.0)
    assert said.idle_power_w == pytest.approx(5.0)


def test_a_frame_is_settled_when_a_longer_one_that_began_before_would_be_known():
    meter = Meter()
    meter.run(2)
    meter.work(0.1, above_w=8.0)
    meter.run(GRACE_S + UNHEARD_S - 0.06)
    assert meter.said == []
    meter.run(0.12)
    assert len(meter.said) == 1


def test_frames_at_work_together_share_as_the_model_says():
    meter = Meter()
    meter.run(2)
    start_s = meter.now_s
    meter.run(0.2, above_w=9.0)
    meter.ledger.add_frame(frame(start_s, meter.now_s, app='a', weight_j=2.0))
    meter.ledger.add_frame(frame(start_s, meter.now_s, app='b', weight_j=1.0))
    meter.run(1)
    assert meter.energies_j('a') == [pytest.approx(1.2)]
    assert meter.energies_j('b') == [pytest.approx(0.6)]
    assert [each.share for each in meter.said] == [pytest.approx(2 / 3), pytest.approx(1 / 3)]


def test_where_the_model_knows_one_of_them_only_they_share_by_core_seconds():
    meter = Meter()
    meter.run(2)
    start_s = meter.now_s
    meter.run(0.2, above_w=10.0)
    meter.ledger.add_frame(frame(start_s, meter.now_s, app='a', threads=4, weight_j=0.1))
    meter.ledger.add_frame(frame(start_s, meter.now_s, app='b', threads=1))
    meter.run(1)
    assert (meter.energies_j('a'), meter.energies_j('b')) == (
        [pytest.approx(1.6)],
        [pytest.approx(0.4)],
    )


def test_a_long_frame_that_is_reported_after_short_ones_has_its_share_too():
    meter = Meter()
    meter.run(2)
    start_s = meter.now_s
    for sequence in (1, 2, 3):
        meter.work(0.1, above_w=6.0, sequence=sequence, weight_j=0.4)
    meter.ledger.add_frame(frame(start_s, meter.now_s, app='long', weight_j=0.6))
    meter.run(1)
    assert meter.energies_j() == [pytest.approx(0.4)] * 3
    assert meter.energies_j('long') == [pytest.approx(0.6)]


def test_before_idle_is_known_a_frame_is_unavailable():
    meter = Meter()
    meter.work(0.1, above_w=8.0)
    meter.run(1)
    (said,) = meter.said
    assert math.isnan(said.energy_j)
    assert said.source == 'unavailable'


def test_without_a_sensor_a_frame_takes_what_the_model_says():
    meter = Meter(source='unavailable')
    meter.work(0.1, above_w=8.0, weight_j=0.7)
    meter.run(1)
    (said,) = meter.said
    assert (said.energy_j, said.source) == (0.7, 'modelled')
    assert math.isnan(said.energy_std_j)


def test_without_sensor_and_model_it_is_unavailable():
    meter = Meter(source='unavailable')
    meter.work(0.1, above_w=8.0)
    meter.run(1)
    assert [each.source for each in meter.said] == ['unavailable']
    assert math.isnan(meter.said[0].energy_j)


def vanish(meter):
    meter.source = 'unavailable'


def become_nan(meter):
    meter.energy_j = math.nan


def begin_anew(meter):
    meter.energy_j = 0.0


def pause(meter):
    meter.run(0.6, heard=False)


def go_back(meter):
    meter.ticks -= 20


@pytest.mark.parametrize('happens', [vanish, become_nan, begin_anew, pause, go_back])
def test_what_happens_during_a_frame_makes_it_unavailable(happens):
    meter = Meter()
    meter.run(2)
    start_s = meter.now_s
    meter.run(0.1, above_w=8.0)
    happens(meter)
    meter.run(0.1, above_w=8.0)
    meter.ledger.add_frame(frame(min(start_s, meter.now_s - 0.1), meter.now_s, weight_j=1.0))
    meter.run(2)
    assert [each.source for each in meter.said] == ['unavailable']
    assert math.isnan(meter.said[0].energy_j)


def test_after_a_gap_frames_are_measured_again():
    meter = Meter()
    meter.run(2)
    meter.source = 'unavailable'
    meter.run(1)
    meter.source = RAPL
    meter.run(1)
    meter.work(0.2, above_w=8.0)
    meter.run(1)
    assert meter.energies_j() == [pytest.approx(1.6)]


def test_another_source_has_an_idle_of_its_own():
    meter = Meter()
    meter.run(2)
    meter.source, meter.idle_w = RAIL, 9.0
    meter.run(2)
    meter.work(0.2, above_w=8.0)
    meter.run(3)
    assert meter.energies_j() == [pytest.approx(1.6)]


def test_a_report_that_was_lost_leaves_no_energy_to_the_wrong_frame():
    meter = Meter()
    meter.run(2)
    meter.work(0.1, above_w=8.0, sequence=1)
    meter.run(0.1, above_w=8.0)  # frame 2, of which nobody heard
    meter.work(0.1, above_w=8.0, sequence=3)
    meter.run(2)
    totals = meter.ledger.totals
    assert totals.frames_j == pytest.approx(1.6)
    assert totals.unattributed_j == pytest.approx(1.3)
    assert meter.ledger.add_frame(frame(meter.now_s - 0.1, meter.now_s, sequence=4))


def test_there_is_an_end_to_the_frames_that_are_kept():
    ledger = FrameEnergyLedger()
    ledger.add_sample(0.0, energy_j=0.0, source=RAPL)
    kept = [ledger.add_frame(frame(1e-3 * n, 1e-3 * n + 0.01)) for n in range(MAX_FRAMES + 10)]
    assert kept == [True] * MAX_FRAMES + [False] * 10


def test_one_long_frame_does_not_delay_the_others_for_ever():
    meter = Meter()
    meter.ledger.add_frame(frame(1e9, 1e9 + 9, app='wrong'))
    meter.run(2)
    meter.work(0.2, above_w=8.0)
    meter.run(1)
    assert meter.energies_j() == [pytest.approx(1.6)]


def test_a_frame_of_the_far_future_is_given_up():
    meter = Meter()
    meter.ledger.add_frame(frame(1e9, 1e9 + 1))
    meter.run(1)
    assert [each.source for each in meter.said] == ['unavailable']


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
def test_work_that_cannot_be_is_refused(change, text):
    with pytest.raises(PlatformError, match=text):
        frame(**({'start_s': 0.0, 'end_s': 1.0} | change))


@pytest.mark.parametrize('source', [RAPL, RAIL])
def test_idle_power_is_that_of_the_clocks_at_which_a_frame_ran(source):
    """Twice up and down again: the third frame meets clocks that were seen idle before."""
    meter = Meter(source=source)
    for sequence, (clocks, idle_w) in enumerate(
        [('high', 5.0), ('low', 2.0), ('high', 5.0)], start=1
    ):
        meter.ledger.set_clocks(meter.now_s, clocks)
        meter.idle_w = idle_w
        meter.run(3)
        meter.work(0.2, above_w=8.0, sequence=sequence)
        meter.run(3)
    assert meter.energies_j() == [pytest.approx(1.6, rel=1e-6)] * 3


def test_right_after_clocks_are_turned_a_frame_says_how_unsure_its_idle_is():
    meter = Meter()
    meter.ledger.set_clocks(0.0, 'high')
    meter.run(3)
    meter.ledger.set_clocks(meter.now_s, 'low')
    meter.work(0.2, above_w=8.0)
    meter.run(2)
    (energy,) = meter.said
    assert energy.energy_common_std_j == pytest.approx(0.2 * OTHER_CLOCKS_STD * 5.0)
