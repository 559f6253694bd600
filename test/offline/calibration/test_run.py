# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa platform calibrate` on machines of the fake kernel, and once on this machine."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
from contextlib import closing
from dataclasses import astuple
from pathlib import Path

import pytest
from boards import policy
from fake_bench import CONTENTION, CPU_MODEL, GPU_MODEL, IDLE_W, FakeBench, FakeWorkload, busy_w
from fake_kernel import Killed

from dynofa_ros.cli import main
from dynofa_ros.offline.calibration.run import CalibrationOptions, run_calibration
from dynofa_ros.platform import load_platform
from dynofa_ros.platform.linux import LinuxMachine, platform_mismatch, restore_frequencies
from dynofa_ros.platform.linux.restore import SavedSettings
from dynofa_ros.report.calibration import calibration_table, draw_calibration


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: set(range(8)))
    monkeypatch.setattr(os, 'fsync', lambda _: None)  # a busy disk takes seconds each time


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> FakeBench:
    return FakeBench(getattr(request, 'param', 'orin_nano'), tmp_path / 'root')


@pytest.fixture
def calibrate(bench: FakeBench, tmp_path: Path):
    """Return a function that calibrates the bench with some options changed."""

    def run(**changes: object) -> dict:
        options = {
            'output': tmp_path / 'made.yaml',
            'json': tmp_path / 'made.json',
            'seconds': 2.0,
            'cool_seconds': 30.0,
            'state_file': tmp_path / 'state' / 'clocks.json',
        }
        return run_calibration(
            CalibrationOptions(**options | changes),
            sysfs=bench.kernel,
            workload=FakeWorkload(bench),
            co_runners=bench.co_runners,
            clock=bench.clock,
            sleep=bench.sleep,
        )

    return run


@pytest.fixture
def describe(calibrate):
    """Return a function that calibrates the bench and loads the description."""
    return lambda **changes: load_platform(calibrate(**changes)['written'])


def test_the_constants_and_powers_of_a_board_are_recovered(describe) -> None:
    made = describe()
    assert set(made.processors) == {'cpu', 'gpu'}
    for name, model in (('cpu', CPU_MODEL), ('gpu', GPU_MODEL)):
        unit = made.processors[name]
        assert astuple(unit.latency) == pytest.approx(astuple(model), rel=0.01)
        for frequency_hz in made.domains[name].frequencies_hz:
            expected_w = busy_w(frequency_hz)
            assert unit.busy_power.power_at(frequency_hz) == pytest.approx(expected_w, rel=0.01)
    assert made.idle_power_w == pytest.approx(IDLE_W, rel=0.01)
    assert made.rail == 'VDD_IN'
    assert made.processors['cpu'].contention == pytest.approx(CONTENTION, rel=0.01)
    assert made.processors['cpu'].cores == 4  # of the two clusters of the fake board


def test_every_number_states_whether_it_is_measured_or_assumed(describe) -> None:
    made = describe()
    for path in ('latency.flop_per_cycle', 'latency.serial_fraction', 'busy_power.power_w'):
        assert (
            'dynofa platform calibrate on NVIDIA Jetson Orin'
            in made.sources[f'processors.cpu.{path}']
        )
    assert 'rails VDD_IN' in made.sources['idle_power_w']
    assert made.sources['thermal_zones.cpu-thermal.throttle_c'].startswith('reported by Linux')
    assert made.sources['processors.gpu.contention'] == 'assumed'
    assert made.thermal_zones['cpu-thermal'].throttle_c == 99.0


def test_the_description_matches_the_machine(bench, describe) -> None:
    made = describe()
    assert platform_mismatch(made, LinuxMachine.discover(bench.kernel).domains) == ''


def test_frequencies_are_set_in_ascending_order_and_restored(bench, calibrate, capsys) -> None:
    before = bench.kernel.snapshot()
    calibrate()
    requested = [
        int(text) for name, text in bench.kernel.log if name.endswith('17000000.gpu/max_freq')
    ]
    assert requested[:-1] == sorted(requested[:-1])
    assert bench.kernel.snapshot() == before
    assert 'restored: ' in capsys.readouterr().out


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_frequencies_are_restored_after_an_error(bench, calibrate, tmp_path, error) -> None:
    before = bench.kernel.snapshot()

    def fail() -> None:
        if bench.frames > 300:
            raise error

    bench.on_frame = fail
    with pytest.raises(error):
        calibrate()
    assert len(bench.kernel.log) > 4  # some frequencies were set
    assert bench.kernel.snapshot() == before
    assert not (tmp_path / 'made.yaml').exists()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_frequencies_are_restored_after_a_signal(bench, calibrate, number) -> None:
    before, handler = bench.kernel.snapshot(), signal.getsignal(number)
    bench.on_frame = lambda: signal.raise_signal(number) if bench.frames == 300 else None
    with pytest.raises(KeyboardInterrupt):
        calibrate()
    assert bench.kernel.snapshot() == before
    assert signal.getsignal(number) is handler


def test_restore_works_after_a_kill(bench, calibrate, tmp_path) -> None:
    before = bench.kernel.snapshot()
    bench.kernel.kill_after = 6
    with pytest.raises(Killed):
        calibrate()
    bench.kernel.kill_after = None
    assert bench.kernel.snapshot() != before
    restore_frequencies(bench.kernel, tmp_path / 'state' / 'clocks.json')
    assert bench.kernel.snapshot() == before


def test_a_hot_machine_is_not_measured_until_it_has_cooled(bench, calibrate, capsys) -> None:
    bench.kernel.put('/sys/class/thermal/thermal_zone0/temp', 96000)

    def cool() -> None:
        if bench.slept_s > 10:
            bench.kernel.put('/sys/class/thermal/thermal_zone0/temp', 60000)
        else:
            assert bench.frames == 0

    bench.on_sleep = cool
    calibrate()
    text = 'cpu-thermal is at 96.0 degrees Celsius and throttles at 99.0: waiting up to 30 s'
    assert text in capsys.readouterr().out


def test_a_machine_that_does_not_cool_is_an_error_and_its_frequencies_are_restored(
    bench, calibrate
) -> None:
    before = bench.kernel.snapshot()
    bench.kernel.put('/sys/class/thermal/thermal_zone0/temp', 96000)
    with pytest.raises(ValueError, match='after 30 s without load; expected 5 K below it'):
        calibrate()
    assert bench.kernel.snapshot() == before


@pytest.mark.parametrize('bench', ['raspberry_pi_5'], indirect=True)
def test_without_a_power_sensor_the_powers_of_the_base_are_assumed(describe, capsys) -> None:
    made, base = describe(), load_platform('raspberry_pi_5')
    assert 'no power sensor: all powers are those of raspberry_pi_5' in capsys.readouterr().out
    for path in ('idle_power_w', 'processors.cpu.busy_power.power_w'):
        assert made.sources[path] == 'assumed'
    assert made.processors['cpu'].busy_power.power_at(2.4e9) == pytest.approx(
        base.processors['cpu'].busy_power.power_at(2.4e9)
    )
    assert made.thermal_zones['cpu-thermal'].throttle_c == 80.0  # Linux reports no trip point


@pytest.mark.parametrize('bench', ['raspberry_pi_5'], indirect=True)
def test_an_unreported_throttle_point_is_taken_from_the_base(bench, calibrate) -> None:
    bench.kernel.put('/sys/class/thermal/thermal_zone0/temp', 78000)
    with pytest.raises(ValueError, match=r'at 78.0 degrees Celsius and throttles at 80.0'):
        calibrate()


@pytest.mark.parametrize('bench', ['intel_laptop'], indirect=True)
def test_a_laptop_is_measured_by_rapl_and_has_a_battery(describe) -> None:
    made = describe(clocks=5)
    assert made.rail == 'cpu_packages'
    assert 'RAPL, CPU packages only' in made.sources['idle_power_w']
    assert made.battery is not None
    assert made.battery.energy_j == pytest.approx(50 * 3600)  # 50 Wh
    assert len(made.processors['cpu'].busy_power.frequencies_hz) == 5
    assert len(made.domains['cpu'].frequencies_hz) == 41  # all available ones
    assert astuple(made.processors['cpu'].latency) == pytest.approx(astuple(CPU_MODEL), rel=0.01)


@pytest.mark.parametrize('bench', ['container'], indirect=True)
def test_a_machine_without_frequency_control_is_measured_at_its_fixed_frequency(
    bench, describe, capsys
) -> None:
    bench.kernel.put('/proc/cpuinfo', 'processor\t: 0\ncpu MHz\t\t: 2000.000')
    made = describe()
    assert made.domains['cpu'].frequencies_hz == (2e9,)
    assert made.sources['processors.cpu.latency.overhead_s_per_layer'] == 'assumed'
    assert 'no frequency control: measuring at its fixed frequency' in capsys.readouterr().out


@pytest.mark.parametrize('bench', ['container'], indirect=True)
def test_an_unknown_fixed_frequency_is_rejected(calibrate) -> None:
    with pytest.raises(ValueError, match='cpuinfo does not state its frequency'):
        calibrate()


@pytest.mark.parametrize('bench', ['xavier_nx_jetpack5'], indirect=True)
def test_power_above_the_reachable_frequencies_is_extrapolated_with_a_note(
    describe, tmp_path
) -> None:
    made = describe(domain=['cpu'])
    assert made.domains['cpu'].frequencies_hz[-1] == 1907.2e6
    power = made.processors['cpu'].busy_power
    assert power.power_at(1907.2e6) == pytest.approx(busy_w(1907.2e6), rel=0.02)
    assert 'extrapolated linearly from 1420.8 MHz' in (tmp_path / 'made.yaml').read_text().replace(
        '\n', ' '
    )


@pytest.mark.parametrize('bench', ['raspberry_pi_5'], indirect=True)
def test_two_core_clusters_are_two_processors_and_the_faster_is_named_cpu(bench, describe) -> None:
    policy(
        bench.kernel,
        (4, 5),
        (1000000, 2000000, 3000000),
        driver='cpufreq-dt',
        governors='userspace performance',
        governor='performance',
    )
    made = describe()
    assert {name: (each.domain, each.cores) for name, each in made.processors.items()} == {
        'cpu0': ('cpu0', 4),
        'cpu': ('cpu4', 2),
    }
    for unit in made.processors.values():
        assert astuple(unit.latency) == pytest.approx(astuple(CPU_MODEL), rel=0.01)


def test_calibration_is_rejected_while_another_process_sets_frequencies(
    bench, calibrate, tmp_path
) -> None:
    with (
        closing(SavedSettings(tmp_path / 'state' / 'clocks.json', sysfs=bench.kernel)),
        pytest.raises(ValueError, match='no frequency can be set'),
    ):
        calibrate()
    assert bench.kernel.log == []


def test_the_delay_of_a_frequency_change_is_measured(bench, calibrate) -> None:
    bench.kernel.lag = 5  # frames
    figures = calibrate(domain=['gpu'])
    delays_s = [each['change_delay_s'] for each in figures['processors'][0]['clocks']]
    slowest_s = 6 * GPU_MODEL.latency_s(frequency_hz=306e6, flops=20_000_000, layers=40, threads=1)
    known = [each for each in delays_s if not math.isnan(each)]
    assert known
    assert all(0 < each <= slowest_s for each in known)


def test_a_frequency_that_is_not_reached_is_left_out(bench, calibrate, capsys) -> None:
    gpu = '/sys/class/devfreq/17000000.gpu'

    def hold_back() -> None:
        if bench.kernel.number(f'{gpu}/cur_freq') > 600e6:
            bench.kernel.put(f'{gpu}/cur_freq', 510000000)

    bench.on_frame = hold_back
    figures = calibrate(domain=['gpu'])
    reached = [each['frequency_hz'] for each in figures['processors'][0]['clocks']]
    assert reached == [306e6, 510e6]
    assert 'gpu 624.75 MHz is left out: it ran at 510 MHz' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('changes', 'problem'),
    [
        ({'domain': ['npu']}, "'npu'; expected a frequency domain of this machine"),
        ({'domain': ['15340000.vic']}, 'no network runs there; expected cpu, gpu'),
        ({'clocks': 1}, 'clocks is 1; expected at least 2'),
        ({'seconds': 0.0}, r'seconds is 0.0; expected above 0'),
        ({'cool_seconds': math.nan}, 'cool-seconds is nan'),
        ({'base': 'none_such'}, 'none_such'),
        ({'output': Path('/')}, 'is a folder'),
        ({'output': Path('/proc/none/made.yaml')}, 'cannot be written'),
    ],
)
def test_invalid_options_are_rejected_before_anything_runs(
    bench, calibrate, changes, problem
) -> None:
    with pytest.raises(ValueError, match=problem):
        calibrate(**changes)
    assert bench.kernel.log == []


def test_a_missing_permission_names_the_file_and_the_remedy(bench, calibrate) -> None:
    for folder in bench.kernel.folders():
        for name in bench.kernel.names(folder):
            bench.kernel.answers[f'{folder}/{name}'] = errno.EACCES
    with pytest.raises(
        ValueError, match=r'no frequency can be set: .*scaling_.* cannot be written'
    ):
        calibrate()


def test_the_figures_are_written_plotted_and_tabulated(calibrate, tmp_path) -> None:
    figures = calibrate()
    written = json.loads((tmp_path / 'made.json').read_text(), parse_constant=pytest.fail)
    assert [each['name'] for each in written['processors']] == ['cpu', 'gpu']
    for processor in written['processors']:
        frames = [each['frames'] for clock in processor['clocks'] for each in clock['timings']]
        assert len(frames) == len(processor['relative_errors'])
        assert min(frames) >= 5
    draw_calibration(figures, tmp_path / 'made.png')
    assert (tmp_path / 'made.png').read_bytes().startswith(b'\x89PNG')
    table = calibration_table(figures)
    assert 'FLOP per cycle' in table
    assert 'power: rails VDD_IN' in table


def test_the_command_line_runs_on_this_machine(model_folder, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.undo()
    output = tmp_path / 'here.yaml'
    arguments = ['--seconds', '0.5', '--clocks', '2', '--state-file', str(tmp_path / 'clocks.json')]
    arguments += ['--model', str(model_folder), '--engine', 'torch', '--output', str(output)]
    code = main(['platform', 'calibrate', *arguments])
    shown = capsys.readouterr()
    # The user may not be allowed to set frequencies, or the machine may hide its frequency.
    if code:
        assert 'no frequency can be set' in shown.err or 'does not state its frequency' in shown.err
    else:
        assert load_platform(str(output)).processors
        assert f'{output} written' in shown.out
