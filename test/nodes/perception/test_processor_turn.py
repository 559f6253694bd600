# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Turns of several processes on one processor."""

import os
import signal
import subprocess
import sys
import time

import pytest

from dynofa_ros.nodes.perception.processor_turn import MachineTurns, ProcessorTurn, turns_folder
from dynofa_ros.runtime.turns import WaitingFrame

LONG_S = 60.0

# Takes the turn of a frame that is due after so many seconds, writes its name, and holds the turn
# until a line comes.
PROCESS = """
import sys, time
from pathlib import Path
from dynofa_ros.nodes.perception.processor_turn import ProcessorTurn
from dynofa_ros.runtime.turns import WaitingFrame
folder, name, due_s = sys.argv[1:]
now_s = time.monotonic()
turn = ProcessorTurn(Path(folder))
print(name, 'waits', flush=True)
assert turn.take(WaitingFrame(float(due_s), now_s, name), until_s=now_s + 60.0)
print(name, 'runs', flush=True)
sys.stdin.readline()
turn.give_back()
sys.stdin.readline()
"""


class Other:
    """Another application, in a process of its own."""

    def __init__(self, folder, name, due_s):
        self.process = subprocess.Popen(
            [sys.executable, '-c', PROCESS, str(folder), name, str(due_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.line() == f'{name} waits'

    def line(self):
        return self.process.stdout.readline().strip()

    def finish_frame(self):
        self.process.stdin.write('\n')
        self.process.stdin.flush()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def start(tmp_path):
    """Return a function that starts another application which wants a turn."""
    started = []

    def start(name, *, due_s):
        started.append(Other(tmp_path, name, due_s))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.process.stdin.close()
        each.process.stdout.close()


@pytest.fixture
def turn(tmp_path):
    turn = ProcessorTurn(tmp_path)
    yield turn
    turn.close()


def take(turn, *, due_s=LONG_S, wait_s=LONG_S, **options):
    now_s = time.monotonic()
    return turn.take(WaitingFrame(due_s, now_s, 'own'), until_s=now_s + wait_s, **options)


def test_a_free_processor_is_taken_at_once(turn):
    assert take(turn, wait_s=0.0)
    turn.give_back()
    assert take(turn, wait_s=0.0)


def test_one_application_at_a_time_has_the_turn(turn, start):
    other = start('other', due_s=1.0)
    assert other.line() == 'other runs'
    assert not take(turn, wait_s=0.05)
    other.finish_frame()
    assert take(turn)


def test_two_applications_of_one_process_exclude_each_other(turn, tmp_path):
    second = ProcessorTurn(tmp_path)
    assert take(turn)
    assert not take(second, wait_s=0.0)
    turn.give_back()
    assert take(second)
    second.close()


def test_the_earliest_deadline_is_next(turn, start, tmp_path):
    assert take(turn)
    late, early = start('late', due_s=3.0), start('early', due_s=2.0)
    while sum(each.stat().st_size > 0 for each in tmp_path.glob('wait-*')) < 2:
        time.sleep(0.01)
    turn.give_back()
    assert early.line() == 'early runs'
    early.finish_frame()
    assert late.line() == 'late runs'


def test_a_killed_holder_gives_up_its_turn(turn, start):
    other = start('other', due_s=1.0)
    assert other.line() == 'other runs'
    other.kill()
    assert take(turn)


def test_a_killed_waiter_is_not_waited_for(turn, start, tmp_path):
    assert take(turn)
    other = start('other', due_s=1.0)
    other.kill()
    turn.give_back()
    assert take(turn)
    assert len(list(tmp_path.glob('wait-*'))) == 1


def test_a_stopped_holder_does_not_stop_the_others(turn, start):
    other = start('other', due_s=1.0)
    assert other.line() == 'other runs'
    other.process.send_signal(signal.SIGSTOP)
    assert not take(turn, wait_s=0.05)


def test_files_of_dead_applications_are_removed_when_another_registers(start, tmp_path):
    start('other', due_s=1.0).kill()
    ProcessorTurn(tmp_path).close()
    assert not list(tmp_path.glob('wait-*'))


def test_a_stop_of_the_node_ends_the_wait(turn, tmp_path):
    stopped = ProcessorTurn(tmp_path)
    assert take(turn)
    assert not take(stopped, pause=lambda duration_s: True)
    stopped.close()


def test_each_processor_has_its_own_turn(tmp_path):
    first, second = (MachineTurns(tmp_path, failed=pytest.fail) for _ in range(2))
    assert take(first.on('gpu'))
    assert take(second.on('cpu'))
    assert not take(second.on('gpu'), wait_s=0.0)
    first.close()
    assert take(second.on('gpu'))
    second.close()


def test_without_a_folder_there_are_no_turns_and_a_reason(tmp_path):
    file, reasons = tmp_path / 'file', []
    file.write_text('')
    turns = MachineTurns(file, failed=reasons.append)
    assert turns.on('gpu') is turns.on('gpu') is None
    assert len(reasons) == 1
    assert 'frames take no turns on gpu' in reasons[0]


def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / 'dynofa_ros' / 'gpu'
    ProcessorTurn(folder).close()
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, 'getuid', lambda: 12345)
    with pytest.raises(PermissionError, match='dynofa_ros is not a folder of this user'):
        ProcessorTurn(folder)


def test_the_folder_is_that_of_the_session_or_of_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_RUNTIME_DIR', str(tmp_path))
    assert turns_folder('/robot') == tmp_path / 'dynofa_ros' / '%2Frobot'
    monkeypatch.setenv('XDG_RUNTIME_DIR', str(tmp_path / 'missing'))
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    assert turns_folder('a') == tmp_path / f'dynofa_ros-{os.getuid()}' / 'a'
