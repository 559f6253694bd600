"""A file is there whole or not at all."""

import json
import math

import pytest

from dynofa_ros.atomic_file import write_json, write_text, atomic_write


def test_it_takes_the_place_of_the_one_before(tmp_path):
    file = tmp_path / 'figures.json'
    file.write_text('old')
    write_text(file, 'new °')
    assert file.read_text(encoding='utf-8') == 'new °'
    assert list(tmp_path.iterdir()) == [file]


def test_what_was_not_finished_is_not_there_and_the_old_one_is(tmp_path):
    file = tmp_path / 'figures.json'
    file.write_text('old')
    with pytest.raises(RuntimeError), atomic_write(file) as partial:
        partial.write_text('half')
        raise RuntimeError
    assert file.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [file]


def test_while_it_is_written_it_has_the_ending_that_it_will_have(tmp_path):
    with atomic_write(tmp_path / 'board.yaml') as partial:
        assert partial.suffix == '.yaml'
        partial.write_text('')


def test_a_file_that_cannot_be_written_is_named_with_what_it_is_and_the_reason(tmp_path):
    file = tmp_path / 'nowhere' / 'figures.json'
    with pytest.raises(ValueError, match=r'^profile .*figures.json cannot be written: No such'):
        write_text(file, 'text', what='profile')
    with pytest.raises(ValueError, match=r'^/.*figures.json cannot be written: No such'):
        write_text(file, 'text')


def test_in_json_what_is_unknown_is_null(tmp_path):
    file = tmp_path / 'figures.json'
    write_json(file, {'a': math.nan, 'b': [1.0, (math.inf, 'x')], 'c': {'d': math.nan}})
    assert json.loads(file.read_text()) == {'a': None, 'b': [1.0, [None, 'x']], 'c': {'d': None}}
