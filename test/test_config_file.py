# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Reading files: damaged, hostile and huge ones end in short errors."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from dynofa_ros import config_file
from dynofa_ros.config_file import ConfigError, Count, Name, Positive, Text, checked, load_file


@checked(ConfigError.of)
class Part:
    """A value class of a test."""

    name: Name
    mass_kg: Positive
    count: Count = 1
    tags: tuple[Text, ...] = ()


KIND = TypeAdapter(dict[str, Part])
WHOLE = TypeAdapter(Part)
Refuse = Callable[[str | bytes], ConfigError]


@pytest.fixture
def refuse(tmp_path: Path) -> Refuse:
    """Load a YAML file that is refused; return the error."""

    def load(content: str | bytes, language: str = 'YAML') -> ConfigError:
        file = tmp_path / 'parts'
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(ConfigError) as caught:
            load_file(file, KIND, language=language)
        assert all(line.startswith(f'{file}: ') for line in str(caught.value).splitlines())
        assert all(len(line) < len(str(file)) + 250 for line in str(caught.value).splitlines())
        return caught.value

    return load


def test_an_alias_bomb_is_refused(refuse: Refuse) -> None:
    levels = ''.join(f'  - &a{n} [{", ".join([f"*a{n - 1}"] * 10)}]\n' for n in range(1, 12))
    assert 'by aliases' in str(refuse(f'wheel:\n  - &a0 [x, x, x]\n{levels}'))


def test_a_value_that_contains_itself_is_refused(refuse: Refuse) -> None:
    assert 'by aliases' in str(refuse('wheel: &a [*a]\n'))


@pytest.mark.parametrize('depth', [60, 100_000])
def test_deep_nesting_is_refused(refuse: Refuse, depth: int) -> None:
    assert 'levels of nesting' in str(refuse('[' * depth + ']' * depth))


def test_deep_nesting_of_json_is_refused(refuse: Callable[..., ConfigError]) -> None:
    assert 'unreadable' in str(refuse('[' * 100_000 + ']' * 100_000, 'JSON'))


@pytest.mark.parametrize(
    ('digits', 'fields'), [(400, ['wheel.mass_kg', 'wheel.count']), (5_000, ['file'])]
)
def test_a_huge_integer_is_refused(refuse: Refuse, digits: int, fields: list[str]) -> None:
    error = refuse(f'wheel: {{name: wheel, mass_kg: {"9" * digits}, count: {"9" * digits}}}')
    assert [each.field for each in error.faults] == fields


@pytest.mark.parametrize(
    ('content', 'language', 'message'),
    [
        (
            'a: {name: a}\nb: 1\na: {}\n',
            'YAML',
            'a is given in line 1 and again in line 3',
        ),
        (
            'a: {name: x, count: 1,\n count: 2}',
            'YAML',
            'count is given in line 1 and again in line 2',
        ),
        ('a: [{"x": 1, x: 2}]', 'YAML', 'x is given in line 1 and again in line 1; expected each'),
        ('{1: a, 0x1: b}', 'YAML', '1 is given in line 1'),
        ('{"a": {"b": 1, "b": 2}}', 'JSON', 'b is given twice; expected each key once'),
    ],
)
def test_a_key_that_is_there_twice_is_named(
    refuse: Callable[..., ConfigError], content: str, language: str, message: str
) -> None:
    assert message in str(refuse(content, language))


def test_a_merged_mapping_may_override_keys(tmp_path: Path) -> None:
    file = tmp_path / 'parts'
    file.write_text(
        'a: &a {name: a, mass_kg: 1}\nb: &b {<<: *a, name: b}\nc: {<<: *b, mass_kg: 2}\n'
    )
    found = load_file(file, KIND)
    assert [(each.name, each.mass_kg) for each in found.values()] == [('a', 1), ('b', 1), ('b', 2)]


SHADOW = 'root:$6$secret$hash:19000:0:99999:7:::\nuser:!:19000:0:99999:7:::\n'


@pytest.mark.parametrize(
    ('content', 'found'),
    [
        (SHADOW, 'a mapping with none of its keys'),
        ('root:x:0:0:root\nuser:x:1:1', 'a text'),
        ('root: $6$secret$hash\n', 'a mapping with none of its keys'),
        ('- $6$secret$hash\n', 'a list'),
        ('', 'empty'),
        ('12', 'a single value'),
    ],
)
def test_a_file_of_another_kind_is_not_quoted(tmp_path: Path, content: str, found: str) -> None:
    file = tmp_path / 'other'
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_file(file, WHOLE)
    assert str(caught.value).startswith(f'{file}: file is {found}; expected a mapping with')
    assert 'secret' not in str(caught.value)


def test_a_text_in_place_of_a_section_is_not_quoted(refuse: Refuse) -> None:
    assert 'root is a text; expected a mapping' in str(refuse('root: $6$secret$hash\n'))


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(ConfigError, match='no regular file'):
        load_file(tmp_path / 'pipe', WHOLE)


def test_a_huge_file_is_refused(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_file, 'MOST_BYTES', 100)
    assert 'at most 100 are read' in str(refuse('#' * 101))


def test_a_huge_value_or_key_is_cut(refuse: Refuse) -> None:
    refuse(f'wheel: {{name: wheel, mass_kg: {"x" * 10_000}, {"y" * 10_000}: 1}}')


def test_of_very_many_faults_the_rest_is_counted(refuse: Refuse) -> None:
    error = refuse(''.join(f'part{n}: 1\n' for n in range(60)))
    assert len(error.faults) == 60
    assert str(error).endswith('10 more')


def test_every_fault_has_its_line(refuse: Refuse) -> None:
    error = refuse(
        'a: {name: a, mass_kg: 0, tags: [1]}\nb: {name: b}\nc: {name: c, mass_kg: 1, x: 2}\n'
    )
    assert [f'{each.field} is {each.value}' for each in error.faults] == [
        'a.mass_kg is 0',
        'a.tags[0] is 1',
        'b.mass_kg is missing',
        'c.x is 2',
    ]
    assert str(error.faults[3]).endswith('expected only the keys mass_kg, count, tags')


def test_a_key_that_is_no_text_is_named(refuse: Refuse) -> None:
    assert refuse('1: {name: a, mass_kg: 1}').faults[0].field == '[1]'


@pytest.mark.parametrize('mass', ['yes', "'1'", '1e3', '.inf', '.nan', 'null', '-1', '[1]'])
def test_a_number_is_a_number(refuse: Refuse, mass: str) -> None:
    assert refuse(f'a: {{name: a, mass_kg: {mass}}}').field == 'a.mass_kg'


@pytest.mark.parametrize('count', ['1.0', 'true', '-1', "'1'"])
def test_an_integer_is_an_integer(refuse: Refuse, count: str) -> None:
    assert refuse(f'a: {{name: a, mass_kg: 1, count: {count}}}').field == 'a.count'


def test_json_reads_as_yaml_does(tmp_path: Path) -> None:
    file = tmp_path / 'part'
    file.write_text(json.dumps({'name': 'a', 'mass_kg': 1e-5, 'tags': ['x']}))
    assert load_file(file, WHOLE, language='JSON') == Part('a', 1e-5, tags=('x',))


def test_python_code_is_checked_as_a_file_is() -> None:
    with pytest.raises(ConfigError, match=r'^mass_kg is -1; expected a finite number above 0$'):
        Part('a', -1)
    with pytest.raises(ConfigError, match=r'^count is 1.5; expected a whole number of at least 0$'):
        dataclasses.replace(Part('a', 1), count=1.5)


def test_too_many_arguments_are_refused() -> None:
    with pytest.raises((ConfigError, TypeError)):
        Part('a', 1, 1, (), 'more')
