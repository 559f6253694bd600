# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Inputs: arbitrary bytes, and valid inputs with a few edits.

Hypothesis makes them where there is no atheris. The fixed inputs of the tests are drawn without it,
since it takes several times as long as most targets do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import islice

from hypothesis import strategies as st

from fuzzing.choices import Choices
from fuzzing.target import Target

BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF, 0x2D, 0x39, 0x5B, 0x7B, 0x22, 0x0A, 0x20)
EDIT_BYTES = 32
ARBITRARY_BYTES = 64
"""Length of the longest input that is not made of a valid one."""
EDITED_FRACTION = 0.75
"""Fraction of the inputs that are made of a valid one."""


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Return the strategy of a target's inputs, up to its longest one."""
    # The edits are bytes, too: hypothesis is fast with few draws.
    edited = st.builds(
        lambda seed, edits: edit_bytes(seed, edits)[: target.longest],
        st.sampled_from(target.seeds),
        st.binary(max_size=EDIT_BYTES),
    )
    arbitrary = st.binary(max_size=min(target.longest, ARBITRARY_BYTES))
    return st.one_of(edited, edited, edited, arbitrary)


def fixed_inputs(target: Target, count: int) -> Iterator[bytes]:
    """Return an iterator over inputs that are the same in every run: seeds, then random ones."""
    return islice(_seeds_and_random(target), count)


def _seeds_and_random(target: Target) -> Iterator[bytes]:
    yield from target.seeds
    rng = random.Random(target.name)
    while True:
        if rng.random() < EDITED_FRACTION:
            edits = rng.randbytes(rng.randint(0, EDIT_BYTES))
            yield edit_bytes(rng.choice(target.seeds), edits)[: target.longest]
        else:
            yield rng.randbytes(rng.randint(0, min(target.longest, ARBITRARY_BYTES)))


def edit_bytes(data: bytes, edits: bytes) -> bytes:
    """Apply edits, each of a kind, a place, and some bytes."""
    choices = Choices(edits)
    while not choices.ended:
        apply = choices.one_of(_EDITS)
        at = int.from_bytes(choices.take(2), 'little') * (len(data) + 1) // 2**16
        data = apply(data, at, choices.take(choices.byte() % 9))
    return data


def _overwrite(data: bytes, at: int, some: bytes) -> bytes:
    return data[:at] + some + data[at + len(some) :]


def _insert(data: bytes, at: int, some: bytes) -> bytes:
    return data[:at] + some + data[at:]


def _delete(data: bytes, at: int, some: bytes) -> bytes:
    return data[:at] + data[at + 1 + sum(some) % 16 :]


def _cut(data: bytes, at: int, some: bytes) -> bytes:
    return data[:at] + some


def _flip(data: bytes, at: int, some: bytes) -> bytes:
    bit = 1 << (len(some) % 8)
    return data[:at] + bytes(each ^ bit for each in data[at : at + 1]) + data[at + 1 :]


def _repeat(data: bytes, at: int, some: bytes) -> bytes:
    length = 1 + sum(some) % 32
    return data[: at + length] + data[at : at + length] * (1 + len(some)) + data[at + length :]


def _notable(data: bytes, at: int, some: bytes) -> bytes:
    byte = BYTES[sum(some) % len(BYTES)]
    return _overwrite(data, at, bytes([byte]) * (1 + len(some)))


_EDITS: tuple[Callable[[bytes, int, bytes], bytes], ...] = (
    _overwrite,
    _insert,
    _delete,
    _cut,
    _flip,
    _repeat,
    _notable,
)
