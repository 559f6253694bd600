"""The error of the device layer, and the checks that raise it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence


class PlatformError(ValueError):
    """A value of a platform description, or one asked of a platform, is not allowed."""

    def __init__(self, *, field: str, value: object, expected: str, file: str = '') -> None:
        self.field = field
        self.value = value
        self.expected = expected
        self.file = file
        where = f'{file}: {field}' if file else field
        super().__init__(f'{where} is {value!r}; expected {expected}')

    def inside(self, *, file: str = '', section: str = '') -> PlatformError:
        """Return the same error, located in a section of a file."""
        field = f'{section}.{self.field}' if section else self.field
        return PlatformError(field=field, value=self.value, expected=self.expected, file=file)


def check_name(field: str, value: str) -> None:
    """Raise PlatformError unless `value` is a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise PlatformError(field=field, value=value, expected='a text that is not empty')


def check_finite(field: str, value: float) -> None:
    """Raise PlatformError unless `value` is a finite number."""
    if not math.isfinite(value):
        raise PlatformError(field=field, value=value, expected='a finite number')


def check_positive(field: str, value: float) -> None:
    """Raise PlatformError unless `value` is finite and above 0."""
    if not (math.isfinite(value) and value > 0):
        raise PlatformError(field=field, value=value, expected='a finite number above 0')


def check_not_negative(field: str, value: float) -> None:
    """Raise PlatformError unless `value` is finite and at least 0."""
    if not (math.isfinite(value) and value >= 0):
        raise PlatformError(field=field, value=value, expected='a finite number of at least 0')


def check_fraction(field: str, value: float) -> None:
    """Raise PlatformError unless `value` lies in 0..1."""
    if not 0 <= value <= 1:
        raise PlatformError(field=field, value=value, expected='a fraction from 0 to 1')


def check_ascending(field: str, values: Sequence[float]) -> None:
    """Raise PlatformError unless `values` holds positive numbers, each above the one before."""
    if not values:
        raise PlatformError(field=field, value=list(values), expected='at least one number')
    for value in values:
        check_positive(field, value)
    for before, after in itertools.pairwise(values):
        if after <= before:
            raise PlatformError(
                field=field, value=after, expected=f'ascending numbers: above {before:g} here'
            )
