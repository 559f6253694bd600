# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Files of Linux: one value each, whatever may be wrong with them."""

import math
import os

import pytest

from dynofa_ros.platform.linux.sysfs import CHUNK, Sysfs


@pytest.fixture
def sysfs(tmp_path):
    return Sysfs(tmp_path)


def put(sysfs, name, content):
    file = sysfs.path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@pytest.mark.parametrize(
    ('content', 'text'),
    [
        (b' a b\n', 'a b'),
        (b'Jetson\0', 'Jetson'),
        (b'\t7\n\n', '7'),
        (b'caf\xff', 'caf\ufffd'),
        (b'', ''),
        (b'x' * (2 * CHUNK + 1), 'x' * (2 * CHUNK + 1)),
        (b'XX-X', 'XX-X'),
    ],
)
def test_a_file_is_read_whole_and_stripped(sysfs, content, text):
    put(sysfs, '/sys/file', content)
    assert sysfs.read('/sys/file') == sysfs.text('/sys/file') == text
    assert sysfs.words('/sys/file') == tuple(text.split())


@pytest.mark.parametrize(('content', 'number'), [(b'42\n', 42.0), (b'-1', -1.0), (b'x', math.nan)])
def test_a_file_without_a_number_is_nan(sysfs, content, number):
    put(sysfs, '/sys/file', content)
    assert sysfs.number('/sys/file') == pytest.approx(number, nan_ok=True)


def test_a_missing_file_is_empty(sysfs):
    assert (sysfs.text('/none'), sysfs.words('/none'), sysfs.names('/none')) == ('', (), ())
    assert math.isnan(sysfs.number('/none'))
    with pytest.raises(FileNotFoundError):
        sysfs.read('/none')


def test_a_value_is_written_to_an_existing_file_only(sysfs):
    put(sysfs, '/sys/file', b'123456\n')
    sysfs.write('/sys/file', '78')
    assert sysfs.path('/sys/file').read_text() == '78'
    with pytest.raises(FileNotFoundError):
        sysfs.write('/sys/none', '1')


def test_names_are_sorted_by_their_number(sysfs):
    for name in ('policy10', 'policy2', 'policy', 'a1', 'policy02'):
        put(sysfs, f'/sys/{name}', b'')
    assert sysfs.names('/sys') == ('a1', 'policy', 'policy02', 'policy2', 'policy10')


def test_permissions_are_asked_of_the_kernel(sysfs):
    put(sysfs, '/sys/file', b'')
    assert sysfs.exists('/sys/file')
    assert sysfs.readable('/sys/file')
    assert sysfs.writable('/sys/file')
    for ask in (sysfs.exists, sysfs.readable, sysfs.writable):
        assert not ask('/sys/none')


@pytest.mark.parametrize(
    ('method', 'mode'), [('exists', 'F_OK'), ('readable', 'R_OK'), ('writable', 'W_OK')]
)
def test_each_permission_is_its_own_question(sysfs, monkeypatch, method, mode):
    asked = []
    monkeypatch.setattr(os, 'access', lambda path, what: asked.append((path, what)) or True)
    assert getattr(sysfs, method)('/sys/file')
    assert asked == [(f'{sysfs.root}/sys/file', getattr(os, mode))]


def test_without_a_root_the_files_are_those_of_this_machine():
    assert Sysfs().read('/proc/self/comm')
    assert str(Sysfs().path('/proc/self')) == '/proc/self'
