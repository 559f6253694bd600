"""The caps of the board together, less what it draws itself; what is missing of their inputs."""

import math

import pytest

from dynofa_ros.runtime import ManagerSettings, PlatformObservation, TemperatureObservation
from dynofa_ros.runtime.budget.cap import RISE_AFTER_S
from dynofa_ros.runtime.budget.power_budget import PowerControl

IDLE_W = 3.0


class Board:
    """A board that is looked at ten times a second, with 2 W of applications on it."""

    def __init__(self, **settings):
        self.settings = ManagerSettings(**settings)
        self.now_s = 100.0
        self.power = PowerControl(self.settings, now_s=self.now_s)
        self.power.expect(2.0, now_s=self.now_s)
        self.energy_j = math.nan

    def run(self, seconds, *, power_w=IDLE_W + 2.0, source='measured_rail', temperatures=()):
        for _ in range(round(10 * seconds)):
            self.now_s += 0.1
            self.power.observe(
                PlatformObservation(
                    'board', (), power_w=power_w, power_source=source, temperatures=temperatures
                ),
                now_s=self.now_s,
            )

    def configure(self, **settings):
        self.power.configure(ManagerSettings(**settings), now_s=self.now_s)

    def budget(self):
        return self.power.budget(self.energy_j, now_s=self.now_s)

    def warnings(self):
        return self.power.warnings(self.energy_j, now_s=self.now_s)


def test_without_any_cap_nothing_is_held_back_and_nothing_is_missing():
    board = Board()
    board.run(5.0, power_w=math.nan)
    assert (board.budget().board.power_w, board.budget().applications_w) == (math.inf, math.inf)
    assert board.warnings() == []


def test_the_applications_have_what_the_board_does_not_draw_itself():
    board = Board(power_cap_w=6.0)
    board.run(20.0)
    budget = board.budget()
    assert (budget.board.power_w, budget.board.reason) == (6.0, 'set by parameter')
    assert budget.base_load.mean_w == pytest.approx(IDLE_W, abs=0.01)
    assert 2.8 < budget.applications_w < 3.0


def test_the_doubt_about_the_rest_counts_by_the_probability():
    sure, even = (Board(power_cap_w=6.0, deadline_probability=each) for each in (0.99, 0.5))
    for board in (sure, even):
        board.run(5.0)
    assert sure.budget().applications_w < even.budget().applications_w


def test_another_program_takes_its_share_of_the_cap():
    board = Board(power_cap_w=8.0)
    board.run(20.0)
    board.run(3.0, power_w=IDLE_W + 4.0)
    assert board.budget().base_load.mean_w == pytest.approx(4.0 + IDLE_W - 2.0, abs=0.2)
    assert 2.5 < board.budget().applications_w < 3.1


def test_a_decision_that_is_not_in_force_yet_is_no_change_of_the_rest():
    board = Board()
    board.run(20.0)
    board.power.expect(0.5, now_s=board.now_s)
    rests_w = []
    for power_w in (IDLE_W + 2.0, IDLE_W + 0.5, IDLE_W + 0.5, IDLE_W + 0.5):
        board.run(1.0, power_w=power_w)
        rests_w.append(board.budget().base_load.mean_w)
    assert rests_w == [pytest.approx(IDLE_W, abs=0.05)] * 4


def test_a_cap_below_what_the_board_draws_itself_leaves_nothing():
    board = Board(power_cap_w=2.0)
    board.run(5.0)
    assert board.budget().applications_w == 0.0


def test_a_higher_cap_set_by_parameter_holds_at_once():
    board = Board(power_cap_w=4.0)
    board.run(5.0)
    board.budget()
    board.configure(power_cap_w=8.0)
    assert board.budget().applications_w > 4.0


def test_the_least_cap_counts_and_gives_the_reason():
    board = Board(power_cap_w=6.0, mission_s=100.0)
    board.run(5.0)
    board.energy_j = 400.0
    assert board.budget().board.reason == 'mission: 400 J for 95 s'
    board.energy_j = 4000.0
    assert board.budget().board.reason == 'set by parameter'


def test_heat_caps_without_being_asked_to():
    board = Board()
    hot = (TemperatureObservation('gpu', 94.0, 95.0),)
    board.run(30.0, temperatures=hot)
    assert board.budget().board.power_w < IDLE_W + 2.0
    assert 'gpu throttles at 95 degrees' in board.budget().board.reason


def test_a_larger_margin_means_a_lower_cap():
    caps_w = []
    for margin_k in (1.0, 10.0):
        board = Board(thermal_margin_k=margin_k)
        board.run(30.0, temperatures=(TemperatureObservation('gpu', 80.0, 95.0),))
        caps_w.append(board.budget().board.power_w)
    assert caps_w[1] < caps_w[0]


def test_a_mission_of_the_parameter_begins_when_it_is_set():
    board = Board()
    board.run(50.0)
    board.configure(mission_s=100.0)
    assert board.budget().mission_left_s == pytest.approx(100.0)
    board.configure(mission_s=100.0, power_cap_w=5.0)
    board.run(10.0)
    assert board.budget().mission_left_s == pytest.approx(90.0)


def test_a_mission_that_is_asked_for_outranks_the_parameter_until_that_changes():
    board = Board(mission_s=100.0)
    board.power.request_mission(500.0, begun_s=board.now_s)
    assert board.budget().mission_left_s == pytest.approx(500.0)
    board.configure(mission_s=200.0)
    assert board.budget().mission_left_s == pytest.approx(200.0)
    board.configure()
    assert math.isnan(board.budget().mission_left_s)


def test_a_mission_without_known_energy_is_no_cap_but_a_warning():
    board = Board(mission_s=100.0)
    board.run(5.0)
    assert board.budget().applications_w == math.inf
    assert board.warnings() == ['battery energy unknown or stale: no cap yet']


def test_a_mission_that_is_over_is_no_cap():
    board = Board(mission_s=10.0)
    board.energy_j = 10.0
    board.run(5.0)
    assert board.budget().applications_w == 0.0
    board.run(6.0)
    board.budget()
    board.run(RISE_AFTER_S + 1.0)
    assert (board.budget().applications_w, board.budget().mission_left_s) == (math.inf, 0.0)
    assert board.warnings() == []


def test_power_that_is_no_longer_read_stays_as_it_was_with_a_warning():
    board = Board(power_cap_w=6.0)
    board.run(20.0)
    before_w = board.budget().applications_w
    board.run(10.0, power_w=math.nan)
    assert board.budget().applications_w == pytest.approx(before_w, abs=0.01)
    assert board.warnings() == ['board power unknown: the last base load holds']


@pytest.mark.parametrize(('settings', 'said'), [({'power_cap_w': 6.0}, True), ({}, False)])
def test_of_the_cpu_packages_alone_a_cap_says_what_it_leaves_out(settings, said):
    board = Board(**settings)
    board.run(5.0, source='measured_rapl')
    text = 'power measured for the CPU packages only: the power cap ignores the rest of the board'
    assert board.warnings() == ([text] if said else [])


def test_power_that_was_never_read_leaves_the_whole_cap_to_the_applications():
    board = Board(power_cap_w=6.0)
    board.run(5.0, power_w=math.nan)
    assert board.budget().applications_w == 6.0
    assert board.warnings() == ['board power unknown: base load taken as 0 W']


def test_heat_caps_also_where_power_is_not_read():
    board = Board()
    board.run(30.0, power_w=math.nan, temperatures=(TemperatureObservation('gpu', 94.0, 95.0),))
    assert board.budget().applications_w < 2.0


def test_silence_of_the_platform_is_not_taken_for_power():
    board = Board(power_cap_w=6.0)
    board.run(10.0)
    before = board.budget().base_load
    board.now_s += 60.0
    board.run(0.1, power_w=9.0)  # of the minute in which nothing was heard
    board.run(3.0)
    assert board.budget().base_load.mean_w == pytest.approx(before.mean_w, abs=0.01)


def test_a_power_of_zero_or_without_a_source_is_unknown():
    assert math.isnan(PlatformObservation('board', (), power_w=0.0).known_power_w)
    unavailable = PlatformObservation('board', (), power_w=5.0, power_source='unavailable')
    assert math.isnan(unavailable.known_power_w)
    assert PlatformObservation('board', (), power_w=5.0, power_source='modelled').known_power_w == 5


def test_a_sensor_is_not_there_twice():
    twice = (TemperatureObservation('gpu', 40.0, 95.0),) * 2
    with pytest.raises(ValueError, match='temperatures is gpu, gpu; expected each once'):
        PlatformObservation('board', (), temperatures=twice)


@pytest.mark.parametrize('power_w', [-1.0, math.inf])
def test_an_impossible_power_is_refused(power_w):
    with pytest.raises(ValueError, match=r'power_w is .*; expected a finite number from 0 or NaN'):
        PlatformObservation('board', (), power_w=power_w)


@pytest.mark.parametrize(
    ('name', 'value', 'allowed'),
    [
        ('power_cap_w', -1.0, '0 to 10000'),
        ('power_cap_w', math.inf, '0 to 10000'),
        ('thermal_margin_k', 51.0, '0 to 50'),
        ('mission_s', math.nan, r'0 to 1e\+07'),
        ('mission_reserve', 1.5, '0 to 1'),
        ('energy_weight', -0.1, '0 to 1000'),
    ],
)
def test_an_impossible_setting_is_refused(name, value, allowed):
    with pytest.raises(ValueError, match=f'{name} is {value:g}; expected {allowed}'):
        ManagerSettings(**{name: value})
