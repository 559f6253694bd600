"""Strict reading of YAML: every key known, every type right, every number with its source.

A quantity is written ``{value: 0.8, source: loudva}``: `source` is a key of the file's `sources`,
or the word `assumed`. `note` may say more. A bare number is refused, so that nobody takes a guess
for a measurement. Where a file states wishes and not facts, such as a deadline, its reader asks for
bare numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dynofa_ros.platform.checks import PlatformError

ASSUMED = 'assumed'
QUANTITY = "a quantity {value: ..., source: a key of sources, or 'assumed'}"


class Section:
    """One mapping of the file. It remembers what was read, so that the rest can be refused."""

    def __init__(self, content: object, *, file: str, parent: Section | None = None, key: str = ''):
        self.file = file
        self.path = parent._below(key) if parent else key
        # Key of a source -> the source in words.
        self.cited: Mapping[str, str] = parent.cited if parent else {}
        # Path of a number -> its source in words; one record for the whole file.
        self.used: dict[str, str] = parent.used if parent else {}
        self._read: set[str] = set()
        if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
            raise self.error('', content, 'a mapping of names')
        self._content: dict[str, Any] = content

    def error(self, key: str, value: object, allowed: str) -> PlatformError:
        """Return the error for one key of this section."""
        field = '.'.join(part for part in (self.path, key) if part) or 'file'
        return PlatformError(field=field, value=value, expected=allowed, file=self.file)

    def has(self, key: str) -> bool:
        """Whether an optional key is there."""
        return key in self._content

    def text(self, key: str) -> str:
        """Return a text that is not empty."""
        value = self._value(key, 'a text')
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, value, 'a text that is not empty')
        return value

    def number(self, key: str) -> float:
        """Return a quantity with one finite number."""
        return self._number(key, self._quantity(key))

    def integer(self, key: str) -> int:
        """Return a quantity with a whole number."""
        value = self._quantity(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(key, value, 'a whole number')
        return value

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a quantity with a list of finite numbers."""
        value = self._quantity(key)
        if not isinstance(value, list):
            raise self.error(key, value, 'a list of numbers')
        return tuple(self._number(key, item) for item in value)

    def bare_number(self, key: str) -> float:
        """Return one finite number that needs no source."""
        return self._number(key, self._value(key, 'a number'))

    def bare_integer(self, key: str) -> int:
        """Return a whole number that needs no source."""
        value = self._value(key, 'a whole number')
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(key, value, 'a whole number')
        return value

    def list_of_texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, none of them empty."""
        value = self._value(key, 'a list of texts')
        if not isinstance(value, list):
            raise self.error(key, value, 'a list of texts')
        for item in value:
            if not isinstance(item, str) or not item.strip():
                raise self.error(key, item, 'texts that are not empty')
        return tuple(value)

    def entries(self, key: str) -> list[Section]:
        """Return the sections of a list."""
        value = self._value(key, 'a list of sections')
        if not isinstance(value, list):
            raise self.error(key, value, 'a list of sections')
        return [
            Section(item, file=self.file, parent=self, key=f'{key}[{index}]')
            for index, item in enumerate(value)
        ]

    def section(self, key: str) -> Section:
        """Return the section below a key."""
        return Section(self._value(key, 'a section'), file=self.file, parent=self, key=key)

    def sections(self, key: str) -> dict[str, Section]:
        """Return the named sections below a key, in the order of the file."""
        outer = self.section(key)
        return {name: outer.section(name) for name in outer._content}

    def texts(self, key: str) -> dict[str, str]:
        """Return the texts below a key, by name."""
        outer = self.section(key)
        return {name: outer.text(name) for name in outer._content}

    @contextmanager
    def complete(self) -> Iterator[None]:
        """Locate errors of what is built inside, then refuse the keys that nobody read."""
        try:
            yield
        except PlatformError as error:
            raise (
                error if error.file else error.inside(file=self.file, section=self.path)
            ) from error
        unknown = [key for key in self._content if key not in self._read]
        if unknown:
            known = ', '.join(sorted(self._read))
            raise self.error(unknown[0], self._content[unknown[0]], f'only the keys {known}')

    def _below(self, key: str) -> str:
        return f'{self.path}.{key}' if self.path else key

    def _value(self, key: str, wanted: str) -> Any:
        self._read.add(key)
        if key not in self._content:
            raise self.error(key, None, f'{wanted}; the key is missing')
        return self._content[key]

    def _quantity(self, key: str) -> Any:
        """Return the value of a quantity, and note its source."""
        quantity = self._value(key, QUANTITY)
        if not isinstance(quantity, dict) or 'value' not in quantity or 'source' not in quantity:
            raise self.error(key, quantity, QUANTITY)
        for extra in set(quantity) - {'value', 'source', 'note'}:
            raise self.error(f'{key}.{extra}', quantity[extra], 'only value, source and note')
        source = quantity['source']
        if source != ASSUMED and source not in self.cited:
            keys = ', '.join([*sorted(self.cited), ASSUMED])
            raise self.error(f'{key}.source', source, f'one of {keys}')
        self.used[self._below(key)] = ASSUMED if source == ASSUMED else self.cited[source]
        return quantity['value']

    def _number(self, key: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            # YAML 1.1 takes 1e9 for a text.
            raise self.error(key, value, 'a number, such as 1.0e+9')
        if not math.isfinite(value):
            raise self.error(key, value, 'a finite number')
        return float(value)
