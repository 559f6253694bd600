# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Files are written atomically."""

import errno
import json
import math
import os
from pathlib import Path

import pytest

from dynofa_ros.atomic_file import atomic_write, write_json, write_text


def test_it_replaces_the_previous_file(tmp_path):
    file = tmp_path / 'figures.json'
    file.write_text('old')
    write_text(file, 'new °')
    assert file.read_text(encoding='utf-8') == 'new °'
    assert list(tmp_path.iterdir()) == [file]


def test_an_interrupted_write_leaves_the_previous_file(tmp_path):
    file = tmp_path / 'figures.json'
    file.write_text('old')
    with pytest.raises(RuntimeError), atomic_write(file) as partial:
        partial.write_text('half')
        raise RuntimeError
    assert file.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [file]


def test_the_temporary_file_has_the_same_suffix(tmp_path):
    with atomic_write(tmp_path / 'board.yaml') as partial:
        assert partial.suffix == '.yaml'
        partial.write_text('')


def test_a_file_that_cannot_be_written_is_named_with_its_kind_and_the_reason(tmp_path):
    file = tmp_path / 'nowhere' / 'figures.json'
    with pytest.raises(ValueError, match=r'^profile .*figures.json cannot be written: No such'):
        write_text(file, 'text', what='profile')
    with pytest.raises(ValueError, match=r'^/.*figures.json cannot be written: No such'):
        write_text(file, 'text')


def test_nan_and_infinity_are_null_in_json(tmp_path):
    file = tmp_path / 'figures.json'
    write_json(file, {'a': math.nan, 'b': [1.0, (math.inf, 'x')], 'c': {'d': math.nan}})
    assert json.loads(file.read_text()) == {'a': None, 'b': [1.0, [None, 'x']], 'c': {'d': None}}


def test_a_file_is_on_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    file, observed = tmp_path / 'figures.json', []

    def observe(descriptor):
        observed.append((Path(f'/proc/self/fd/{descriptor}').readlink(), file.exists()))

    monkeypatch.setattr(os, 'fsync', observe)
    write_text(file, 'text')
    (partial, before), (folder, after) = observed
    assert '.partial' in partial.suffixes
    assert (before, after, folder) == (False, True, tmp_path)


def test_a_file_system_that_cannot_sync_a_folder_still_has_the_file(tmp_path, monkeypatch):
    def refuse(descriptor):
        if Path(f'/proc/self/fd/{descriptor}').readlink().is_dir():
            raise OSError(errno.EINVAL, 'Invalid argument')

    monkeypatch.setattr(os, 'fsync', refuse)
    write_text(tmp_path / 'figures.json', 'text')
    assert (tmp_path / 'figures.json').read_text() == 'text'


def test_the_name_of_the_temporary_file_cannot_be_guessed(tmp_path):
    names = set()
    for _ in range(3):
        with atomic_write(tmp_path / 'board.yaml') as partial:
            names.add(partial.name)
            partial.write_text('')
    assert len(names) == 3
