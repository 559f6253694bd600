# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import signal
import sys
import time

import pytest

from dynofa_ros.demo.processes import ProcessDied, Processes, executable

SLEEPER = [
    sys.executable,
    '-c',
    'import signal, time\n'
    # Background jobs of a shell ignore SIGINT, and their children inherit that.
    'signal.signal(signal.SIGINT, signal.default_int_handler)\n'
    'print("up", flush=True); time.sleep(60)',
]
STUBBORN = [
    sys.executable,
    '-c',
    'import signal, time\n'
    'for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)\n'
    'print("up", flush=True); time.sleep(60)',
]


def wait_until_up(folder, name):
    end_s = time.monotonic() + 20
    while 'up' not in (folder / f'{name}.log').read_text():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_a_process_that_ended_is_reported_with_exit_code_and_log(tmp_path):
    with Processes(tmp_path) as processes:
        processes.start('node', [sys.executable, '-c', 'import sys; sys.exit("no camera")'])
        with pytest.raises(ProcessDied, match=r'(?s)node ended with exit code 1.*no camera'):
            for _ in range(400):
                processes.check()
                time.sleep(0.05)


def test_running_processes_pass_the_check(tmp_path):
    with Processes(tmp_path) as processes:
        processes.start('node', SLEEPER)
        processes.check()


@pytest.mark.parametrize(
    ('arguments', 'signals'), [(SLEEPER, {-signal.SIGINT, 1}), (STUBBORN, {-signal.SIGKILL})]
)
def test_all_processes_are_stopped_even_if_they_ignore_signals(
    tmp_path, monkeypatch, arguments, signals
):
    monkeypatch.setattr('dynofa_ros.demo.processes.STOP_TIMEOUTS_S', (1.0, 1.0, 5.0))
    with Processes(tmp_path) as processes:
        processes.start('node', arguments)
        wait_until_up(tmp_path, 'node')
        child = processes._children['node']
    assert child.poll() in signals


def test_a_missing_executable_lists_the_searched_paths(tmp_path, monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        executable('no_such_node')


def test_an_executable_is_found_in_a_prefix(tmp_path, monkeypatch):
    file = tmp_path / 'lib' / 'dynofa_ros' / 'some_node'
    file.parent.mkdir(parents=True)
    file.touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nowhere:{tmp_path}')
    assert executable('some_node') == file
