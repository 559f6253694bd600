# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Change the fields of ROS messages, within what their types can carry."""

from __future__ import annotations

import copy
import math
import re
from typing import Any

from fuzzing.choices import Choices

INTEGERS = {
    'octet': (0, 255),
    **{f'int{bits}': (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f'uint{bits}': (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}
FLOAT32_MAX = 3.4028235e38
COUNTS = (0, 1, 2, 3, 4, 8, 64, 300)


def change(message: Any, choices: Choices) -> None:
    """Change one field of a message, in place; it may be in a nested message."""
    kinds = message.get_fields_and_field_types()
    name = choices.one_of(list(kinds))
    kind, present = kinds[name], getattr(message, name)
    if match := re.fullmatch(r'sequence<(.+?)(, \d+)?>|(.+)\[(\d+)\]', kind):
        element = match[1] or match[3]
        fixed = int(match[4]) if match[4] else None
        setattr(message, name, _elements(element, list(present), choices, fixed=fixed))
    elif '/' in kind:
        change(present, choices)
    else:
        setattr(message, name, _value(kind, present, choices))


def _elements(kind: str, present: list[Any], choices: Choices, *, fixed: int | None) -> Any:
    """Return a changed array: one other element, or another number of elements."""
    count = len(present) if fixed is not None else None
    if present and (fixed is not None or choices.byte() % 4 < 2):
        index = choices.byte() % len(present)
        if '/' in kind:
            change(present[index], choices)
        else:
            present[index] = _value(kind, present[index], choices)
        return present
    count = choices.one_of(COUNTS)
    if not present:
        if '/' in kind:
            return present
        present = [_value(kind, None, choices)]
    changed = [copy.deepcopy(present[index % len(present)]) for index in range(count)]
    if '/' in kind and choices.byte() % 2:
        for each in changed:
            change(each, choices)
    return changed


def _value(kind: str, present: Any, choices: Choices) -> Any:
    if kind == 'boolean':
        return bool(choices.byte() % 2)
    if kind in INTEGERS:
        value = choices.integer(*INTEGERS[kind])
        return bytes([value]) if isinstance(present, bytes) else value
    if kind in ('double', 'float'):
        value = choices.number(present or 0.0)
        if kind == 'float' and math.isfinite(value):
            value = min(max(value, -FLOAT32_MAX), FLOAT32_MAX)
        return value
    if kind.startswith(('string', 'wstring')):
        return choices.text()
    raise NotImplementedError(f'field of type {kind}')
