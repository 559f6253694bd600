# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Keys of a terminal, in a child process that has a terminal of its own."""

import io
import os
import pty
import sys
import termios

from dynofa_ros.demo.keyboard import Keyboard

CHILD = """
import os, sys, time
from dynofa_ros.demo.keyboard import Keyboard
with Keyboard() as keyboard:
    print('works', keyboard.works, flush=True)
    pressed = ''
    while 'q' not in pressed:
        pressed += keyboard.pressed()
        time.sleep(0.01)
print('pressed', pressed, flush=True)
"""


def test_a_stream_that_is_no_terminal_has_no_keys():
    with Keyboard(io.StringIO('d')) as keyboard:
        assert (keyboard.works, keyboard.pressed()) == (False, '')


def test_a_terminal_of_another_session_is_left_alone():
    master, slave = pty.openpty()
    with os.fdopen(master, 'w'), os.fdopen(slave) as stream:
        before = termios.tcgetattr(stream)
        with Keyboard(stream) as keyboard:
            assert not keyboard.works
            assert termios.tcgetattr(stream) == before


def read_until(descriptor, text):
    output = b''
    while text not in output:
        output += os.read(descriptor, 1024)
    return output


def test_keys_arrive_without_enter_and_the_terminal_is_restored():
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, '-c', CHILD])
    try:
        before = termios.tcgetattr(terminal)
        read_until(terminal, b'works True')
        assert termios.tcgetattr(terminal) != before
        os.write(terminal, b'dD')
        os.write(terminal, b'q')
        read_until(terminal, b'pressed dDq')
        assert termios.tcgetattr(terminal) == before
        assert os.waitpid(child, 0)[1] == 0
    finally:
        os.close(terminal)  # which ends a child that still runs
