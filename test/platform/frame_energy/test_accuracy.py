# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Measured energies and their stated errors, on a simulated robot of known power."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from dynofa_ros.platform.device import BATTERY, RAIL, RAPL, PowerSample
from dynofa_ros.platform.frame_energy import FrameEnergyLedger, FrameWork
from dynofa_ros.platform.linux.power_meter import JITTER

TICK_S = 1e-3


@dataclass(frozen=True)
class App:
    """An application: its frames, and their power above idle."""

    name: str
    period_s: float
    duration_s: float
    power_w: float
    power_std: float = 0.0  # from frame to frame, relative to power_w
    modelled_w: float = 1.0  # according to the description
    first_s: float = 5.0
    period_jitter: float = 0.1


class MeasuredRobot:
    """Idle at `idle_w` with white noise; the applications pause for 1 s of every 10."""

    def __init__(self, apps, *, seconds, seed=0, idle_w=5.0, noise_j2_per_s=1e-3):
        self._random = np.random.default_rng(seed)
        self.seconds = seconds
        self.truth_j = {}
        self.frames = []
        ticks = round(seconds / TICK_S)
        noise_w = self._random.normal(0, (noise_j2_per_s / TICK_S) ** 0.5, ticks)
        self._idle_j = (idle_w + noise_w) * TICK_S
        self._work_w = np.zeros(ticks)
        for app in apps:
            self._work(app)
        self.frames.sort(key=lambda frame: frame.end_s)

    def _work(self, app):
        start_s, sequence = app.first_s, 0
        while start_s < self.seconds - 1:
            if start_s % 10 > 1:
                sequence += 1
                length_s = app.duration_s * self._random.uniform(0.8, 1.2)
                first, last = round(start_s / TICK_S), round((start_s + length_s) / TICK_S)
                power_w = app.power_w * (1 + self._random.normal(0, app.power_std))
                self._work_w[first:last] += power_w
                length_s = (last - first) * TICK_S
                self.truth_j[app.name, sequence] = power_w * length_s
                self.frames.append(
                    FrameWork(
                        app=app.name,
                        sequence=sequence,
                        processor='cpu',
                        threads=1,
                        start_s=first * TICK_S,
                        end_s=last * TICK_S,
                        modelled_j=app.modelled_w * length_s,
                    )
                )
            jitter = app.period_jitter
            start_s += app.period_s * self._random.uniform(1 - jitter, 1 + jitter)

    @property
    def counted_j(self):
        """The total energy."""
        return float(np.sum(self._idle_j + self._work_w * TICK_S))

    def samples(self, source):
        """Yield readings of a meter, about 20 times a second: (time, energy since the start)."""
        counted_j = np.concatenate([[0], np.cumsum(self._idle_j + self._work_w * TICK_S)])
        # A rail is sampled: its sensor has noise of its own.
        reading_w = self._work_w + self._idle_j.mean() / TICK_S
        reading_w = reading_w + self._random.normal(0, 0.1, len(reading_w))
        tick = before = 0
        read_j = 0.0
        while (tick := tick + self._ticks_to_next()) < len(reading_w):
            read_j += (reading_w[before] + reading_w[tick]) / 2 * (tick - before) * TICK_S
            before = tick
            yield tick * TICK_S, float(counted_j[tick]) if source == RAPL else read_j

    def _ticks_to_next(self):
        """Return the period of the sampler: 20 Hz with jitter."""
        return round(0.05 * self._random.uniform(1 - JITTER, 1 + JITTER) / TICK_S)

    def measure(self, source=RAPL, *, ledger=None, late_s=0.0):
        """Return the energies from a ledger whose reports are `late_s` late."""
        ledger = ledger or FrameEnergyLedger()
        results, waiting = [], list(reversed(self.frames))
        for at_s, energy_j in self.samples(source):
            while waiting and waiting[-1].end_s <= at_s:
                frame = waiting.pop()
                start_s, end_s = frame.start_s + late_s, frame.end_s + late_s
                ledger.add_frame(replace(frame, start_s=start_s, end_s=end_s))
            results += ledger.add_sample(PowerSample(at_s, energy_j, source))
        return results


CAMERA = App('camera', period_s=0.1, duration_s=0.03, power_w=8.0, modelled_w=8.0)
STEADY = replace(CAMERA, period_jitter=0.0)
SLOW = App('slow', period_s=0.23, duration_s=0.15, power_w=4.0, modelled_w=4.0)
ALIKE = [CAMERA, SLOW]
SPREAD = [replace(app, power_std=0.1) for app in ALIKE]


def errors(robot, results, app):
    """Return error, stated standard deviation and truth of an application's frames [J]."""
    known = [each for each in results if each.frame.app == app and each.source != 'unavailable']
    truth_j = np.array([robot.truth_j[app, each.frame.sequence] for each in known])
    error_j = np.array([each.energy_j for each in known]) - truth_j
    return error_j, np.array([each.energy_std_j for each in known]), truth_j


def bias(robot, results, app):
    error_j, _, truth_j = errors(robot, results, app)
    return error_j.sum() / truth_j.sum()


def test_the_error_of_idle_power_grows_while_no_application_pauses():
    def std_after(seconds):
        robot = MeasuredRobot([CAMERA], seconds=12)
        ledger = FrameEnergyLedger()
        robot.measure(ledger=ledger)
        at_s, energy_j = 12.05, robot.counted_j
        results = []
        while at_s < 12.05 + seconds:
            ledger.add_frame(FrameWork('camera', 0, 'cpu', 1, at_s, at_s + 0.05, 0.4))
            at_s += 0.05
            energy_j += 0.5
            results += ledger.add_sample(PowerSample(at_s, energy_j, RAPL))
        return results[-1].energy_common_std_j

    assert std_after(20) > 1.5 * std_after(2)


@pytest.mark.parametrize(
    ('apps', 'late_s'),
    [
        pytest.param([CAMERA], 0.0, id='one'),
        pytest.param(ALIKE, 0.0, id='two'),
        pytest.param(SPREAD, 0.0, id='unlike the model'),
        pytest.param(ALIKE, 0.005, id='reports 5 ms late'),
    ],
)
def test_a_counter_is_unbiased(apps, late_s):
    robot = MeasuredRobot(apps, seconds=100, noise_j2_per_s=1e-4)
    results = robot.measure(RAPL, late_s=late_s)
    for app in apps:
        assert abs(bias(robot, results, app.name)) < 0.02


@pytest.mark.parametrize(
    'apps', [[CAMERA], [STEADY], ALIKE], ids=['one', 'in step with 20 Hz', 'two']
)
def test_a_sampled_sensor_is_unbiased(apps):
    """Over twenty runs: in a single one, sampling alone causes errors of a few percent."""
    ratios = {app.name: [] for app in apps}
    for seed in range(20):
        robot = MeasuredRobot(apps, seconds=60, seed=seed)
        results = robot.measure(RAIL)
        for app in apps:
            ratios[app.name].append(bias(robot, results, app.name))
    for each in ratios.values():
        assert abs(np.mean(each)) < 0.02 + 2 * np.std(each) / 20**0.5


@pytest.mark.parametrize('source', [RAPL, RAIL])
@pytest.mark.parametrize('apps', [[CAMERA], ALIKE, SPREAD], ids=['one', 'two', 'unlike the model'])
def test_errors_agree_with_the_stated_standard_deviation(source, apps):
    """Of a normal distribution 68 % lie within one standard deviation, 95 % within two."""
    robot = MeasuredRobot(apps, seconds=200, seed=1)
    results = robot.measure(source)
    for app in apps:
        error_j, std_j, _ = errors(robot, results, app.name)
        assert len(error_j) > 300
        assert 0.5 < np.mean(np.abs(error_j) < std_j) < 0.9
        assert np.mean(np.abs(error_j) < 2 * std_j) > 0.88


def test_a_battery_measures_the_mean_of_steady_frames():
    robot = MeasuredRobot([App('camera', 0.1, 0.03, 8.0, first_s=60.0)], seconds=300)
    results = robot.measure(BATTERY)
    assert len(errors(robot, results, 'camera')[0]) > 1000
    assert abs(bias(robot, results, 'camera')) < 0.1
