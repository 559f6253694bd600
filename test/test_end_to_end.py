# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The real nodes in separate processes over DDS, through the demo that users run."""

import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import time

import cv2
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: run scripts/test')

from dynofa_ros.demo.__main__ import main

SECONDS = 20


def demo(folder, *arguments):
    environment = os.environ | {'ROS_DOMAIN_ID': str(random.randint(1, 100))}
    command = [sys.executable, '-m', 'dynofa_ros.demo', '--report', str(folder), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=240, env=environment, check=False
    )


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp('report')
    result = demo(folder, '--seconds', str(SECONDS))
    logs = ''.join(
        f'\n== {log.name}\n{log.read_text()[-1500:]}' for log in (folder / 'logs').glob('*.log')
    )
    assert result.returncode == 0, result.stdout + result.stderr + logs
    return folder, json.loads((folder / 'report.json').read_text())


def test_frames_are_classified(run):
    frames = run[1]['frames']
    # 12 images a second; a loaded machine may lose some, not most.
    assert frames['classified'] > SECONDS * 12 / 2
    assert frames['refused'] == 0


def test_the_sub_network_is_switched(run):
    assert run[1]['switches'] >= 2


def test_every_command_is_acknowledged(run):
    commands = run[1]['commands']
    assert commands['sent'] > 0
    assert commands['unacknowledged'] == []
    assert commands['refused'] == 0


def test_a_tight_deadline_runs_a_cheaper_sub_network_or_a_higher_clock(run):
    calm, tight = run[1]['phases'][:2]
    assert tight['deadline_s'] < calm['deadline_s']
    assert tight['latency_mean_s'] < calm['latency_mean_s']


def test_a_low_battery_saves_energy(run):
    relaxed, low = run[1]['phases'][2], run[1]['phases'][4]
    assert low['deadline_s'] == relaxed['deadline_s']
    assert low['energy_per_frame_j'] < relaxed['energy_per_frame_j']


def test_what_is_simulated_says_so(run):
    report = run[1]
    assert report['simulated'] is True
    assert report['latency_source'] == report['energy_source'] == 'modelled'
    assert 'simulated' in (run[0] / 'report.txt').read_text()


def test_the_picture_is_there(run):
    assert cv2.imread(str(run[0] / 'report.png')) is not None


@pytest.fixture
def refusal(monkeypatch, capsys, tmp_path):
    """Return a function that runs the demo in this process, and returns why it does not start."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['demo', '--report', str(tmp_path), *arguments])
        assert main() == 1
        return capsys.readouterr().err

    return run


def test_a_bag_that_is_not_there_is_one_line_and_exit_code_1(refusal, tmp_path):
    error = refusal('--bag', str(tmp_path / 'no-such-bag'))
    assert error.startswith('demo: ')
    assert 'no-such-bag' in error
    assert len(error.splitlines()) == 1


def test_a_length_that_is_too_short_is_refused(refusal):
    assert '--seconds is 3; expected 15 to 3600' in refusal('--seconds', '3')


def test_keys_change_the_targets_of_the_running_nodes(tmp_path, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', str(random.randint(1, 100)))
    child, terminal = pty.fork()
    if child == 0:
        os.execv(
            sys.executable, [sys.executable, '-m', 'dynofa_ros.demo', '--report', str(tmp_path)]
        )

    def shown(pattern):
        """Read what the demo shows until it has a pattern, and return its group."""
        output = b''
        while not (found := re.search(pattern, output)):
            try:
                output += os.read(terminal, 4096)
            except OSError:  # the demo ended
                pytest.fail(f'{pattern} was not shown: {output[-4000:].decode()}')
        return found.group(1)

    try:
        shown(b'(keys: )')
        os.write(terminal, b'dddoop')
        deadline_ms = shown(rb'by hand: deadline (\d+) ms')
        shown(b'(of %s ms)' % deadline_ms)  # in the report of a frame
        shown(rb'(min_energy \(set by parameter)')
        shown(rb'( W \(set by parameter)')
        os.write(terminal, b'q')
        ended = shown(rb'(report.png and report.txt are in.*\n(?:.*\n)*)')
        assert os.waitpid(child, 0)[1] == 0, ended
    finally:
        os.close(terminal)  # which ends a demo that still runs
    by_hand = json.loads((tmp_path / 'report.json').read_text())['phases'][-1]
    assert by_hand['name'] == 'by hand'
    assert round(by_hand['deadline_s'] * 1e3) == int(deadline_ms)


def test_ctrl_c_stops_all_nodes(tmp_path):
    environment = os.environ | {'ROS_DOMAIN_ID': str(random.randint(1, 100))}
    command = [sys.executable, '-m', 'dynofa_ros.demo', '--report', str(tmp_path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    log = tmp_path / 'logs' / 'perception.log'
    until = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < until:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    listing = subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in listing.stdout


@pytest.mark.parametrize(('alive', 'code'), [(False, 130), (True, None)])
def test_an_error_of_rclpy_during_an_interrupt_is_an_interrupt(monkeypatch, tmp_path, alive, code):
    def run(*_):
        raise RuntimeError('Unable to convert call argument')

    monkeypatch.setattr(sys, 'argv', ['demo', '--report', str(tmp_path)])
    monkeypatch.setattr('dynofa_ros.demo.__main__._run', run)
    monkeypatch.setattr('dynofa_ros.demo.__main__.rclpy.init', lambda: None)
    monkeypatch.setattr('dynofa_ros.demo.__main__.rclpy.ok', lambda: alive)
    if code is None:
        with pytest.raises(RuntimeError):
            main()
    else:
        assert main() == code
