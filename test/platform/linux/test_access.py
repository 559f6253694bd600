# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A missing permission is explained with the way to get it."""

import errno
import grp
import os
import pwd

import boards
import pytest

from dynofa_ros.platform.linux import access
from dynofa_ros.platform.linux.access import explain_not_readable, explain_not_writable

FILE = '/sys/class/devfreq/gpu/max_freq'
RULE = 'give it to the group dynofa with the udev rule of docs/robot.md'


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A machine whose files belong to `sensor`, seen by a process that is not root."""
    kernel = boards.base(tmp_path)
    kernel.put(FILE, 1)
    monkeypatch.setattr(access, '_user_name', lambda number: 'root')
    monkeypatch.setattr(access, '_group_name', lambda number: 'sensor')
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    return kernel


def explain(kernel, mode, *, done='written'):
    kernel.path(FILE).chmod(mode)
    if done == 'written':
        kernel.answers[FILE] = errno.EACCES
        return explain_not_writable(kernel, FILE)
    kernel.readable = lambda name: False
    return explain_not_readable(kernel, FILE)


def test_a_file_that_can_be_used_needs_no_explanation(kernel):
    assert explain_not_writable(kernel, FILE) == explain_not_readable(kernel, FILE) == ''


def test_a_file_that_does_not_exist_is_named(kernel):
    assert explain_not_writable(kernel, '/sys/none') == '/sys/none does not exist'


@pytest.mark.parametrize(
    ('mode', 'done', 'shown', 'advice'),
    [
        (0o644, 'written', '-rw-r--r--', RULE),
        (0o664, 'written', '-rw-rw-r--', 'join the group sensor (sudo usermod -aG sensor $USER)'),
        (0o444, 'written', '-r--r--r--', 'the driver does not support it'),
        (0o400, 'read', '-r--------', RULE),
        (0o440, 'read', '-r--r-----', 'join the group sensor (sudo usermod -aG sensor $USER)'),
        (0o200, 'read', '--w-------', 'the driver does not support it'),
    ],
)
def test_the_advice_depends_on_the_mode(kernel, mode, done, shown, advice):
    expected = f'{FILE} (root:sensor {shown}) cannot be {done}: {advice}'
    assert explain(kernel, mode, done=done) == expected


def test_nobody_is_told_to_join_the_group_root(kernel, monkeypatch):
    monkeypatch.setattr(access, '_group_name', lambda number: 'root')
    assert explain(kernel, 0o664).endswith(RULE)


@pytest.mark.parametrize(
    ('mode', 'done', 'mounted'),
    [
        (0o644, 'written', True),
        (0o464, 'written', False),
        (0o400, 'read', True),
        (0o240, 'read', False),
    ],
)
def test_root_lacks_a_permission_only_on_a_read_only_mount(
    kernel, monkeypatch, mode, done, mounted
):
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    monkeypatch.setattr(access, '_group_name', lambda number: 'root')
    text = 'it is mounted read-only, as in a container without --privileged'
    assert explain(kernel, mode, done=done).endswith(text if mounted else RULE)


@pytest.mark.parametrize('name', [access._user_name, access._group_name])
def test_a_user_or_group_without_a_name_is_its_number(name, monkeypatch):
    def unknown(number):
        raise KeyError(number)

    assert name(0) == 'root'
    monkeypatch.setattr(pwd, 'getpwuid', unknown)
    monkeypatch.setattr(grp, 'getgrgid', unknown)
    assert name(4321) == '4321'
