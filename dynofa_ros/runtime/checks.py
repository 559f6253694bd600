# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Range checks of field values; an error states the field, its value and the allowed range."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from dynofa_ros.runtime.ranges import NAME_MAX, Range

# Names and values in the text of an error: a message of megabytes must not become a log of them.
SHOWN_NAMES = 8
SHOWN_CHARACTERS = 300
_LARGEST = 2**1000


def check_number(
    name: str,
    value: float,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    nan: bool = False,
) -> None:
    """Raise ValueError unless `value` is finite and in `low`..`high`, `low` excluded if `above`.

    NaN, which stands for unknown or none, passes only if `nan`.
    """
    if isinstance(value, int) and abs(value) > _LARGEST:  # too large for a float
        value = math.inf if value > 0 else -math.inf
    if nan and math.isnan(value):
        return
    if math.isfinite(value) and value <= high and (value > low if above else value >= low):
        return
    if high < math.inf:
        allowed = f'{"above " if above else ""}{low:g} to {high:g}'
    elif low > -math.inf:
        allowed = f'a finite number {"above" if above else "from"} {low:g}'
    else:
        allowed = 'a finite number'
    raise ValueError(f'{name} is {value:g}; expected {allowed}{" or NaN" if nan else ""}')


def check_range(name: str, value: float, allowed: Range, *, nan: bool = False) -> None:
    """Raise ValueError unless `value` is in a range; NaN passes only if `nan`."""
    if allowed.low <= value <= allowed.high < math.inf:  # the common case, quickly
        return
    check_number(name, value, low=allowed.low, high=allowed.high, nan=nan)


def check_name(name: str, value: str, *, empty: bool = False) -> None:
    """Raise ValueError unless `value` is one line of printable text of at most `NAME_MAX`.

    An empty one passes only if `empty`.
    """
    if not (value or empty):
        raise ValueError(f'{name} is empty; expected a name')
    if len(value) > NAME_MAX or not value.isprintable():
        raise ValueError(
            f'{name} is {shortened(repr(value))}; expected at most {NAME_MAX} printable characters'
        )


def check_count(name: str, values: Collection[object], *, most: int) -> None:
    """Raise ValueError if there are more than `most` values."""
    if len(values) > most:
        raise ValueError(f'{name} holds {len(values)} values; expected at most {most}')


def shortened(text: str) -> str:
    """Return printable text of at most `SHOWN_CHARACTERS`, for a log or a message."""
    shown = text if len(text) <= SHOWN_CHARACTERS else f'{text[:SHOWN_CHARACTERS]} ...'
    return shown if shown.isprintable() else repr(shown)[1:-1]


def listed(names: Iterable[str]) -> str:
    """Return names for the text of an error: the first few, and how many others there are."""
    every = list(names)
    others = len(every) - SHOWN_NAMES
    shown = ', '.join(every[:SHOWN_NAMES])
    return f'{shown} and {others} more' if others > 0 else shown
