# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The error of the device layer, and checks of the arguments of its functions."""

from __future__ import annotations

import math

from dynofa_ros.config_file import ConfigError


class PlatformError(ConfigError):
    """A value of a platform description, or one requested of a platform, is not allowed."""


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
