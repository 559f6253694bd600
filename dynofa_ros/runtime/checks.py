"""Range checks for values that travel; an error names the field, the value and what is allowed."""

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
    """Raise ValueError unless `low <= value <= high` (`low < value` if `above`) and finite.

    NaN, which stands for unknown or none, passes only where `nan` says so.
    """
    if nan and math.isnan(value):
        return
    inside = math.isfinite(value) and value <= high and (value > low if above else value >= low)
    if not inside:
        raise ValueError(
            f'{name} is {value:g}; expected {_range_text(low=low, high=high, above=above)}'
            f'{" or NaN" if nan else ""}'
        )


def _range_text(*, low: float, high: float, above: bool) -> str:
    """Put a range into words."""
    if low == -math.inf and high == math.inf:
        return 'a finite number'
    if high == math.inf:
        return f'a finite number {"above" if above else "from"} {low:g}'
    return f'{"above " if above else ""}{low:g} to {high:g}'


def check_name(name: str, value: str) -> None:
    """Raise ValueError if `value` is empty."""
    if not value:
        raise ValueError(f'{name} is empty; expected a name')
