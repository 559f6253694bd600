"""Files are written atomically."""

import json
import math

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
