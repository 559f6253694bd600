"""Range checks of field values; an error states the field, its value and the allowed range."""

from __future__ import annotations

import math


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


def check_name(name: str, value: str) -> None:
    """Raise ValueError if `value` is empty."""
    if not value:
        raise ValueError(f'{name} is empty; expected a name')
