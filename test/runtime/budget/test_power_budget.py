# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The power budget: the lowest cap minus the base load, and warnings about missing inputs."""

import math
from types import SimpleNamespace

import pytest

from dynofa_ros.runtime import ManagerSettings, PlatformObservation, TemperatureObservation
from dynofa_ros.runtime.budget.cap import RISE_AFTER_S, Cap
from dynofa_ros.runtime.budget.power_budget import PowerBudget, PowerControl

BASE_W = 3.0
HOT = (TemperatureObservation('gpu', 94.0, 95.0),)


class Board:
    """A board observed at 10 Hz, with 2 W of applications."""

    def __init__(self, **settings):
        self.now_s = 100.0
        self.power = PowerControl(ManagerSettings(**settings), now_s=self.now_s)
        self.power.expect(2.0, now_s=self.now_s)
        self.energy_j = math.nan

    def run(self, seconds, *, power_w=BASE_W + 2.0, source='measured_rail', temperatures=()):
        observation = PlatformObservation(
            'board', (), power_w=power_w, power_source=source, temperatures=temperatures
        )
        for _ in range(round(10 * seconds)):
            self.now_s += 0.1
            self.power.observe(observation, now_s=self.now_s)

    def configure(self, **settings):
        self.power.configure(ManagerSettings(**settings), now_s=self.now_s)

    def budget(self):
        return self.power.budget(self.energy_j, now_s=self.now_s)

    def warnings(self):
        return self.power.warnings(self.energy_j, now_s=self.now_s)


def board_after(seconds, **settings):
    board = Board(**settings)
    board.run(seconds)
    return board


def test_without_a_cap_the_budget_is_infinite_and_no_input_is_missing():
    board = Board()
    board.run(5.0, power_w=math.nan)
    assert (board.budget().board.power_w, board.budget().applications_w) == (math.inf, math.inf)
    assert board.warnings() == []


def test_the_budget_is_the_cap_minus_the_base_load():
    budget = board_after(20.0, power_cap_w=6.0).budget()
    assert (budget.board.power_w, budget.board.reason) == (6.0, 'set by parameter')
    assert budget.base_load.mean_w == pytest.approx(BASE_W, abs=0.01)
    assert 2.8 < budget.applications_w < 3.0


def test_the_uncertainty_of_the_base_load_counts_by_the_probability():
    sure, even = (board_after(5.0, power_cap_w=6.0, deadline_probability=p) for p in (0.99, 0.5))
    assert sure.budget().applications_w < even.budget().applications_w


def test_another_program_reduces_the_budget():
    board = board_after(20.0, power_cap_w=8.0)
    board.run(3.0, power_w=BASE_W + 4.0)
    assert board.budget().base_load.mean_w == pytest.approx(4.0 + BASE_W - 2.0, abs=0.2)
    assert 2.5 < board.budget().applications_w < 3.1


def test_a_decision_that_is_not_in_force_yet_does_not_change_the_base_load():
    board = board_after(20.0)
    board.power.expect(0.5, now_s=board.now_s)
    means_w = []
    for power_w in (BASE_W + 2.0, BASE_W + 0.5, BASE_W + 0.5, BASE_W + 0.5):
        board.run(1.0, power_w=power_w)
        means_w.append(board.budget().base_load.mean_w)
    assert means_w == [pytest.approx(BASE_W, abs=0.05)] * 4


def test_a_cap_below_the_base_load_leaves_nothing():
    assert board_after(5.0, power_cap_w=2.0).budget().applications_w == 0.0


def test_a_higher_cap_set_by_parameter_applies_at_once():
    board = board_after(5.0, power_cap_w=4.0)
    board.budget()
    board.configure(power_cap_w=8.0)
    assert board.budget().applications_w > 4.0


def test_the_lowest_cap_counts_and_gives_the_reason():
    board = board_after(5.0, power_cap_w=6.0, mission_s=100.0)
    board.energy_j = 400.0
    assert board.budget().board.reason == 'mission: 400 J for 95 s'
    board.energy_j = 4000.0
    assert board.budget().board.reason == 'set by parameter'


def test_heat_sets_a_cap_without_a_request():
    board = Board()
    board.run(30.0, temperatures=HOT)
    assert board.budget().board.power_w < BASE_W + 2.0
    assert 'gpu throttles at 95 degrees' in board.budget().board.reason


def test_heat_sets_a_cap_even_if_power_is_unknown():
    board = Board()
    board.run(30.0, power_w=math.nan, temperatures=HOT)
    assert board.budget().applications_w < 2.0


def test_a_larger_margin_lowers_the_cap():
    caps_w = []
    for margin_k in (1.0, 10.0):
        board = Board(thermal_margin_k=margin_k)
        board.run(30.0, temperatures=(TemperatureObservation('gpu', 80.0, 95.0),))
        caps_w.append(board.budget().board.power_w)
    assert caps_w[1] < caps_w[0]


def test_a_mission_of_the_parameter_begins_when_it_is_set():
    board = board_after(50.0)
    board.configure(mission_s=100.0)
    assert board.budget().mission_left_s == pytest.approx(100.0)
    board.configure(mission_s=100.0, power_cap_w=5.0)
    board.run(10.0)
    assert board.budget().mission_left_s == pytest.approx(90.0)


def test_a_requested_mission_overrides_the_parameter_until_that_changes():
    board = Board(mission_s=100.0)
    board.power.request_mission(500.0, begun_s=board.now_s)
    assert board.budget().mission_left_s == pytest.approx(500.0)
    board.configure(mission_s=200.0)
    assert board.budget().mission_left_s == pytest.approx(200.0)
    board.configure()
    assert math.isnan(board.budget().mission_left_s)


def test_a_mission_without_known_energy_sets_no_cap_but_a_warning():
    board = board_after(5.0, mission_s=100.0)
    assert board.budget().applications_w == math.inf
    assert board.warnings() == ['battery energy unknown or stale: no power cap yet']


def test_after_a_mission_there_is_no_cap():
    board = Board(mission_s=10.0)
    board.energy_j = 10.0
    board.run(5.0)
    assert board.budget().applications_w == 0.0
    board.run(6.0)
    board.budget()
    board.run(RISE_AFTER_S + 1.0)
    assert (board.budget().applications_w, board.budget().mission_left_s) == (math.inf, 0.0)
    assert board.warnings() == []


def test_without_power_readings_the_last_base_load_holds_with_a_warning():
    board = board_after(20.0, power_cap_w=6.0)
    before_w = board.budget().applications_w
    board.run(10.0, power_w=math.nan)
    assert board.budget().applications_w == pytest.approx(before_w, abs=0.01)
    assert board.warnings() == ['board power unknown: the last base load holds']


def test_without_any_power_reading_the_whole_cap_goes_to_the_applications():
    board = Board(power_cap_w=6.0)
    board.run(5.0, power_w=math.nan)
    assert board.budget().applications_w == 6.0
    assert board.warnings() == ['board power unknown: base load taken as 0 W']


@pytest.mark.parametrize(('settings', 'warned'), [({'power_cap_w': 6.0}, True), ({}, False)])
def test_under_a_cap_power_of_the_cpu_packages_alone_is_a_warning(settings, warned):
    board = Board(**settings)
    board.run(5.0, source='measured_rapl')
    text = 'power measured for the CPU packages only: the power cap ignores the rest of the board'
    assert board.warnings() == ([text] if warned else [])


def test_a_reading_after_silence_of_the_platform_is_ignored():
    board = board_after(10.0, power_cap_w=6.0)
    before = board.budget().base_load
    board.now_s += 60.0
    board.run(0.1, power_w=9.0)  # the mean over the silent minute
    board.run(3.0)
    assert board.budget().base_load.mean_w == pytest.approx(before.mean_w, abs=0.01)


@pytest.mark.parametrize(
    ('power_w', 'source', 'known_w'),
    [(0.0, '', math.nan), (5.0, 'unavailable', math.nan), (5.0, 'modelled', 5.0)],
)
def test_a_power_of_zero_or_without_a_source_is_unknown(power_w, source, known_w):
    observation = PlatformObservation('board', (), power_w=power_w, power_source=source)
    assert observation.known_power_w == pytest.approx(known_w, nan_ok=True)


def test_a_duplicate_sensor_is_rejected():
    with pytest.raises(ValueError, match='temperatures is gpu, gpu; expected each once'):
        PlatformObservation('board', (), temperatures=HOT * 2)


@pytest.mark.parametrize('power_w', [-1.0, 10_001.0, math.inf])
def test_an_impossible_power_is_rejected(power_w):
    with pytest.raises(ValueError, match=r'power_w is .*; expected 0 to 10000 or NaN'):
        PlatformObservation('board', (), power_w=power_w)


def decision(**changes):
    values = {'power_cap_met': True, 'power_w': 3.5, 'unmetered': ()}
    return SimpleNamespace(**(values | changes))


def budget_of(applications_w, *, requested):
    return PowerBudget(Cap(6.0, 'x'), None, applications_w, math.nan, requested)


@pytest.mark.parametrize(
    ('applications_w', 'requested', 'changes', 'warnings'),
    [
        (2.0, True, {}, []),
        (
            2.0,
            True,
            {'power_cap_met': False},
            ['the power cap is not met: it leaves 2 W, the applications need 3.5 W'],
        ),
        (
            2.0,
            True,
            {'unmetered': ('a', 'b')},
            ['energy of a, b unknown: not counted against the power cap'],
        ),
        (2.0, False, {'unmetered': ('a',)}, []),
        (
            0.0,
            False,
            {'unmetered': ('a',)},
            ['energy of a unknown: not counted against the power cap'],
        ),
    ],
)
def test_a_decision_that_exceeds_the_budget_is_a_warning(
    applications_w, requested, changes, warnings
):
    budget = budget_of(applications_w, requested=requested)
    assert budget.warnings(decision(**changes)) == warnings


def test_power_is_averaged_over_a_second():
    board = board_after(10.0)
    for power_w in (4.0, 6.0) * 20:
        board.run(0.1, power_w=power_w)
    base = board.budget().base_load
    assert base.mean_w == pytest.approx(BASE_W, abs=0.05)
    assert base.std_w < 0.15


def test_an_expectation_beyond_any_board_is_limited():
    board = Board()
    board.power.expect(1e9, now_s=board.now_s)
    board.run(10.0, power_w=10_000.0)
    assert board.budget().base_load.mean_w == pytest.approx(0.0, abs=1.0)


def test_a_mission_is_a_request_while_it_lasts():
    board = Board(mission_s=5.0)
    assert board.budget().requested
    board.run(6.0)
    assert not board.budget().requested
    assert not Board().budget().requested
    assert Board(power_cap_w=5.0).budget().requested


def test_the_last_cap_of_a_mission_holds_with_a_warning():
    board = board_after(2.0, mission_s=100.0)
    board.energy_j = 400.0
    board.budget()
    board.energy_j = math.nan
    assert board.warnings() == [
        'battery energy unknown or stale: the last power cap of the mission holds'
    ]


def test_a_sensor_that_is_no_longer_read_is_a_warning():
    board = Board()
    board.run(2.0, temperatures=HOT)
    board.run(2.0)
    assert board.warnings() == ['temperature of gpu unknown: predicted from power']


@pytest.mark.parametrize(('silence_s', 'warned'), [(4.9, False), (5.0, True)])
def test_power_is_unknown_after_the_report_timeout(silence_s, warned):
    board = Board(power_cap_w=6.0)
    for _ in range(8):
        board.now_s += 1.0
        board.power.observe(PlatformObservation('board', (), power_w=5.0), now_s=board.now_s)
    found = board.power.warnings(math.nan, now_s=board.now_s + silence_s)
    assert found == (['board power unknown: the last base load holds'] if warned else [])
