# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read YAML and JSON files into checked values, and report all faults of a file at once.

The annotations of a value class, made by :func:`checked`, are the rules of its file. They apply to
values built by Python code as well. Unknown keys are refused.
"""

from __future__ import annotations

import functools
import json
import os
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from stat import S_ISREG
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, Strict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import Self, dataclass_transform

from dynofa_ros.share import share_path

T = TypeVar('T')
Loc = tuple[int | str, ...]
_CONFIG = ConfigDict(extra='forbid', validate_by_name=True, validate_by_alias=True)

Text = Annotated[str, Strict(), Field(pattern=r'\S')]
Name = Annotated[Text, SkipJsonSchema()]
"""A name that a file states as the key of a section, not inside of it."""
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Fraction = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[int, Strict(), Field(ge=0, le=2**63 - 1)]
PositiveCount = Annotated[Count, Field(ge=1)]

# Limits far above any real file, so that a damaged or hostile one ends in a short error.
MOST_BYTES = 64 * 2**20
MOST_VALUES = 200_000  # of a YAML file, whose aliases can expand to billions
MOST_NESTED = 50
MOST_FAULTS = 50
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
_SHORT.maxlevel = 2
_MERGE = 'tag:yaml.org,2002:merge'
QUANTITY = 'Quantity'
"""Title of the JSON schema of a number that is written as ``{value: ..., source: ...}``."""


class _Words(str):
    """A value that is described rather than quoted."""

    __slots__ = ()
    __repr__ = str.__str__


MISSING = _Words('missing')


@dataclass(frozen=True)
class Fault:
    """A value that is not allowed."""

    field: str
    value: object
    expected: str
    file: str = ''
    text: str = ''  # takes the place of '<value>; expected <expected>'

    def inside(self, *, file: str = '', section: str = '') -> Fault:
        """Return the same fault, located in a section of a file."""
        joint = '.' if section and self.field else ''
        return replace(self, field=f'{section}{joint}{self.field}', file=file)

    def __str__(self) -> str:
        where = f'{self.file}: {_cut(self.field)}' if self.file else _cut(self.field)
        if self.text:
            return f'{where}: {_cut(self.text, 160)}'
        value = self.value if isinstance(self.value, _Words) else _SHORT.repr(self.value)
        return f'{where} is {value}; expected {self.expected}'


class ConfigError(ValueError):
    """A value that is not allowed, or several of one file."""

    def __init__(self, *, field: str, value: object, expected: str, file: str = '') -> None:
        super().__init__(field, value, expected, file)
        self.field = field
        self.value = value
        self.expected = expected
        self.file = file
        self.faults: tuple[Fault, ...] = (Fault(field, value, expected, file),)

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> Self:
        """Return one error for all these faults, one or more; its fields are the first one's."""
        first, *others = faults
        error = cls(field=first.field, value=first.value, expected=first.expected, file=first.file)
        error.faults = (first, *others)
        return error

    def inside(self, *, file: str = '', section: str = '') -> Self:
        """Return the same error, located in a section of a file."""
        return self.of(each.inside(file=file, section=section) for each in self.faults)

    def __str__(self) -> str:
        lines = [str(each) for each in self.faults[:MOST_FAULTS]]
        if (more := len(self.faults) - MOST_FAULTS) > 0:
            lines.append(f'{self.file}: {more} more')
        return '\n'.join(lines)


ToError = Callable[[Iterable[Fault]], Exception]
"""Makes the exception of some faults, as `ConfigError.of` does."""


class Section(BaseModel):
    """A section of a file that is converted to another value class."""

    model_config = _CONFIG | ConfigDict(frozen=True)


@dataclass_transform(frozen_default=True)
def checked(error: ToError, *, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """Make a class a frozen dataclass that checks its fields when it is built."""

    def decorate(cls: type[T]) -> type[T]:
        made = pydantic_dataclass(frozen=True, config=_CONFIG, kw_only=kw_only)(cls)
        init: Callable[..., None] = made.__init__
        names = [each.name for each in fields(made) if not each.kw_only]

        @functools.wraps(init)
        def checked_init(self: T, *args: Any, **values: Any) -> None:
            # By keyword, because a fault of a positional argument does not name the field.
            named = dict(zip(names, args, strict=False))
            try:
                init(self, *args[len(names) :], **named, **values)
            except ValidationError as invalid:
                raise error(_faults(invalid, TypeAdapter(made), file='')) from None

        made.__init__ = checked_init  # type: ignore[method-assign, assignment]
        return made  # type: ignore[return-value]

    return decorate


def load_named(
    name_or_path: str, kind: TypeAdapter[T], *, folder: str, what: str, error: ToError
) -> T:
    """Return the value of the YAML file with this path, or with this name in `folder` of the share.

    Raises `error` with all faults of the file, or for an unknown name with the known ones.
    """
    if name_or_path.endswith(('.yaml', '.yml')) or os.sep in name_or_path:
        return load_file(Path(name_or_path).expanduser(), kind, error=error)
    try:
        file = share_path(f'{folder}/{name_or_path}.yaml')
    except (FileNotFoundError, ValueError):
        expected = f'the path of a YAML file, or one of {", ".join(_shipped(folder))}'
        raise error([Fault(what, name_or_path, expected)]) from None
    return load_file(file, kind, error=error)


def load_file(
    file: Path, kind: TypeAdapter[T], *, language: str = 'YAML', error: ToError = ConfigError.of
) -> T:
    """Return the value of a YAML or JSON file.

    Validators receive the whole document as their context, which is None where Python code builds
    the value. Raises `error` with all faults of the file.
    """
    try:
        text = _read(file)
        document = _parse_json(text) if language == 'JSON' else _parse_yaml(text)
    except _RepeatedKeyError as repeated:
        value = _Words(f'given {repeated}')
        raise error([Fault(repeated.key, value, 'each key once', file=str(file))]) from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as reason:
        why = str(reason.strerror if isinstance(reason, OSError) else reason)
        value = _Words(f'unreadable ({_cut(" ".join(why.split()), 120)})')
        raise error([Fault('file', value, language, file=str(file))]) from reason
    if found := _other_kind(document, kind.json_schema()):
        raise error([replace(found, file=str(file))])
    try:
        return kind.validate_python(document, context=document, by_alias=True, by_name=False)
    except ValidationError as invalid:
        raise error(_faults(invalid, kind, file=str(file))) from None


class _RepeatedKeyError(ValueError):
    """A key that a mapping has twice, of which a parser would silently keep the last one."""

    def __init__(self, key: object, where: str) -> None:
        super().__init__(where)
        self.key = str(key)


def _read(file: Path) -> str:
    """Return the text of a file; raises OSError and ValueError."""
    found = file.stat()
    if not S_ISREG(found.st_mode):
        raise ValueError('it is no regular file')  # reading a pipe would block
    if found.st_size > MOST_BYTES:
        raise ValueError(f'{found.st_size} bytes; at most {MOST_BYTES} are read')
    return file.read_text(encoding='utf-8')


def _other_kind(document: object, schema: dict[str, Any]) -> Fault | None:
    """Return a fault without any value, for a file that was meant for something else.

    It may hold secrets, such as /etc/shadow, and errors go to logs and diagnostics.
    """
    keys = _resolved(schema, schema).get('properties')
    if keys is None or (isinstance(document, dict) and (not document or keys.keys() & document)):
        return None
    found = 'a mapping with none of its keys' if isinstance(document, dict) else _kind_of(document)
    return Fault('file', _Words(found), _words(schema, schema))


def _may_be_foreign(loc: Loc, schema: dict[str, Any]) -> bool:
    """Return whether a value may be the content of another file: any key is allowed above it."""
    return len(loc) <= 1 and not _resolved(schema, schema).get('properties')


def _kind_of(value: object) -> str:
    kinds = {dict: 'a mapping', list: 'a list', str: 'a text', type(None): 'empty'}
    return kinds.get(type(value), 'a single value')


def _parse_json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise _RepeatedKeyError(key, 'twice')
            found[key] = value
        return found

    return json.loads(text, object_pairs_hook=unique)


def _parse_yaml(text: str) -> Any:
    kind: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    depth = 0
    # Checked before loading, which recurses in C.
    for event in yaml.parse(text, Loader=kind):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_NESTED:
            raise ValueError(f'more than {MOST_NESTED} levels of nesting')
    loader = kind(text)
    try:
        root = loader.get_single_node()
        _check_keys(root, loader, set())
        document = None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()
    _count_values(document)
    return document


def _check_keys(node: yaml.Node | None, loader: Any, checked: set[int]) -> None:
    """Raise _RepeatedKeyError for a mapping with a key that is there twice."""
    if isinstance(node, yaml.ScalarNode) or node is None or id(node) in checked:
        return
    checked.add(id(node))  # aliases lead to the same node again
    lines: dict[object, int] = {}
    for each in node.value:
        for part in each if isinstance(node, yaml.MappingNode) else (each,):
            _check_keys(part, loader, checked)
        if isinstance(node, yaml.MappingNode) and isinstance(each[0], yaml.ScalarNode):
            if each[0].tag == _MERGE:
                continue
            key = loader.construct_object(each[0])
            line = each[0].start_mark.line + 1
            if key in lines:
                raise _RepeatedKeyError(key, f'in line {lines[key]} and again in line {line}')
            lines[key] = line


def _count_values(node: object, before: int = 0, depth: int = 0) -> int:
    """Return the number of values with aliases expanded; raises ValueError if it is too high."""
    if before > MOST_VALUES or depth > MOST_NESTED:
        raise ValueError(f'more than {MOST_VALUES} values, or {MOST_NESTED} levels, by aliases')
    count = before + 1
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        count = _count_values(each, count, depth + 1)
    return count


def _faults(invalid: ValidationError, kind: TypeAdapter[Any], *, file: str) -> Iterator[Fault]:
    schema = kind.json_schema()
    errors = invalid.errors(include_url=False)
    faulty = {each['loc'][:-1] for each in errors}
    for each in errors:
        loc = each['loc']
        if each['type'] == 'too_short' and loc in faulty:
            continue  # pydantic counts the valid items alone
        field = _path(loc) or 'file'
        cause = each.get('ctx', {}).get('error')
        if isinstance(cause, ConfigError):
            for fault in cause.faults:
                yield fault if fault.file else fault.inside(file=file, section=_path(loc))
        elif isinstance(cause, ValueError):
            yield Fault(field, each['input'], '', file, text=str(cause))
        elif each['type'] in ('unexpected_keyword_argument', 'extra_forbidden'):
            known = ', '.join(_schema_at(schema, loc[:-1]).get('properties', ()))
            yield Fault(field, each['input'], f'only the keys {known}', file)
        else:
            missing = each['type'] in ('missing', 'missing_argument')
            value = MISSING if missing else each['input']
            found = _schema_at(schema, loc)
            if not missing and found.get('title') == QUANTITY:
                found = found['properties']['value']
            expected = _words(found, schema) or each['msg'].lower()
            is_container = found.get('type') in ('object', 'array')
            if type(value) is str and is_container and _may_be_foreign(loc, schema):
                value = _Words(_kind_of(value))
            if isinstance(value, str) and re.fullmatch(r'[-+]?[\d.]+e\d+', value):
                expected += ' (YAML reads 1e9 as a text: write 1.0e+9)'
            yield Fault(field, value, expected, file)


def _path(loc: Loc) -> str:
    """Return a location as in ``applications.camera.targets[0].at_s``."""
    parts = (f'[{each}]' if isinstance(each, int) else f'.{each}' for each in loc)
    return ''.join(each for each in parts if each != '.[key]').removeprefix('.')


def _schema_at(schema: dict[str, Any], loc: Loc) -> dict[str, Any]:
    """Return the part of a JSON schema for a location; empty if there is none."""
    part = _resolved(schema, schema)
    for each in loc:
        if each == '[key]':
            return {'type': 'string', 'pattern': ''}
        if part.get('title') == QUANTITY:
            part = part['properties']['value']
        if isinstance(each, int):
            part = part.get('items', {})
        else:
            part = part.get('properties', {}).get(each) or part.get('additionalProperties') or {}
        part = _resolved(part, schema)
    return part


def _resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a part without a reference, and without the alternative null."""
    if 'anyOf' in part:
        part = next(each for each in part['anyOf'] if each.get('type') != 'null')
    if '$ref' in part:
        part = schema['$defs'][part['$ref'].rpartition('/')[2]]
    return part


def _words(part: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return a description of the values that a part of a JSON schema allows."""
    part = _resolved(part, schema)
    kind = part.get('type')
    if 'enum' in part:
        return f'one of {", ".join(map(str, part["enum"]))}'
    if kind in ('number', 'integer'):
        return ('a whole number' if kind == 'integer' else 'a finite number') + _range(part)
    if kind == 'string':
        return 'a text that is not empty' if 'pattern' in part else 'a text'
    if kind == 'array':
        items = _resolved(part.get('items', {}), schema).get('type')
        plural = {'number': ' of numbers', 'string': ' of texts', 'object': ' of sections'}
        return 'a list' + plural.get(str(items), '') + _not_empty(part)
    if part.get('title') == QUANTITY:
        return "a quantity {value: ..., source: a key of sources, or 'assumed'}"
    if kind == 'object' and 'properties' in part:
        return f'a mapping with the keys {", ".join(part["properties"])}'
    if kind == 'object':
        return 'a mapping of names' + _not_empty(part)
    return ''


def _not_empty(part: dict[str, Any]) -> str:
    return ', at least one' if part.get('minItems') or part.get('minProperties') else ''


def _range(part: dict[str, Any]) -> str:
    low, high = part.get('minimum'), part.get('maximum')
    if (above := part.get('exclusiveMinimum')) is not None:
        return f' above {above:g}'
    if low is None:
        return ''
    return f' of at least {low:g}' if high in (None, 2**63 - 1) else f' from {low} to {high}'


def _shipped(folder: str) -> list[str]:
    try:
        return sorted(path.stem for path in share_path(folder).glob('*.yaml'))
    except FileNotFoundError:
        return []


def _cut(text: str, most: int = 100) -> str:
    return text if len(text) <= most else f'{text[: most - 3]}...'
