# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Attention: once an important label is seen, the targets are raised for a while.

The parameters `attention.*` say which labels, and by how much. The node reports what it saw in
`subnet_state`; the resource manager raises the targets (`runtime/attention.py`).
"""

from __future__ import annotations

import difflib
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from rclpy.node import Node
from rclpy.parameter import Parameter

from dynofa_ros.nodes.declare import declare_parameter
from dynofa_ros.runtime.attention import Attention
from dynofa_ros.runtime.checks import listed, shortened
from dynofa_ros.runtime.ranges import HOLD_S

PREFIX = 'attention.'
# Period of the check for what must be announced without a new frame [s].
CHECK_S = 0.1
# An extended hold is announced when the announced one is this close to its end [s], and each time
# that it grew by this share of a hold.
LEAD_S = 0.5
GROWTH = 0.25


@dataclass(frozen=True)
class AttentionSettings:
    """Which labels raise the targets, and how; each field is a parameter `attention.*`."""

    labels: tuple[str, ...] = field(
        default=(),
        metadata={
            'description': 'labels of the model that raise the targets of this application once '
            'one is among the classes of a classification; empty: none',
            'dynamic': True,  # an empty list has any type
        },
    )
    min_score: float = field(
        default=0.5,
        metadata={'description': 'score from which a label counts, 0..1', 'low': 0.0, 'high': 1.0},
    )
    hold_s: float = field(
        default=5.0,
        metadata={
            'description': 'time for which the targets stay raised after the label was seen [s]',
            'low': HOLD_S.low,
            'high': HOLD_S.high,
        },
    )
    min_accuracy: float = field(
        default=0.0,
        metadata={
            'description': 'accuracy floor for that time, if it is above that of the application, '
            '0..1',
            'low': 0.0,
            'high': 1.0,
        },
    )
    priority: int = field(
        default=0,
        metadata={
            'description': 'added to the priority of the application for that time',
            'low': -1000,
            'high': 1000,
        },
    )


def declare_attention(node: Node) -> None:
    """Declare the parameters `attention.*`. Raises what `declare_parameter` raises."""
    for each in fields(AttentionSettings):
        default = [''] if each.name == 'labels' else each.default
        declare_parameter(node, PREFIX + each.name, default, **each.metadata)


def attention_settings(
    node: Node, changes: Sequence[Parameter[Any]], *, known: Sequence[str]
) -> AttentionSettings:
    """Return the settings as of the parameters after `changes`.

    Raises ValueError for a label that is not one of the `known` labels of the model.
    """
    values = {
        each.name: node.get_parameter(PREFIX + each.name).value
        for each in fields(AttentionSettings)
    }
    values |= {
        each.name.removeprefix(PREFIX): each.value
        for each in changes
        if each.name.startswith(PREFIX)
    }
    values['labels'] = _labels(values['labels'], known)
    return AttentionSettings(**values)


def _labels(value: Any, known: Sequence[str]) -> tuple[str, ...]:
    """Return the labels of a parameter's value, without empty ones."""
    entries = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    labels = tuple(each for each in entries if each not in ('', None))
    if isinstance(value, str | bytes) or any(not isinstance(each, str) for each in labels):
        shown = shortened(repr(value))
        raise ValueError(f'{PREFIX}labels is {shown}; expected a list of labels of the model')
    for label in labels:
        if label not in known:
            shown = shortened(label)
            alike = difflib.get_close_matches(shown, known)
            others = (each for each in known if each not in alike)
            raise ValueError(
                f'{PREFIX}labels holds {shown!r}; expected labels of the model: '
                f'{listed([*alike, *others])}'
            )
    return labels


class SceneAttention:
    """What was seen, and when that must be announced. Frames and parameters come in two threads."""

    def __init__(
        self, settings: AttentionSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: tuple[float, str, float] = (-math.inf, '', math.nan)  # until, label, score
        self._announced: Attention | None = None
        self._announced_until_s = -math.inf

    @property
    def enabled(self) -> bool:
        """Whether any label raises the targets."""
        return bool(self._settings.labels)

    def configure(self, settings: AttentionSettings) -> None:
        """Change the settings; what was seen holds on while its label is still among them."""
        with self._lock:
            until_s, label, _ = self._seen
            self._settings = settings
            if label not in settings.labels:
                until_s = -math.inf
            self._seen = (min(until_s, self._clock() + settings.hold_s), *self._seen[1:])

    def see(self, labels: Sequence[str], scores: Sequence[float]) -> None:
        """Update with the classes of an answer, best first, and their calibrated scores."""
        settings = self._settings
        if not settings.labels:
            return
        for label, score in zip(labels, scores, strict=True):
            if score < settings.min_score:
                return
            if label in settings.labels:
                with self._lock:
                    self._seen = (self._clock() + self._settings.hold_s, label, score)
                return

    def present(self) -> Attention | None:
        """Return what holds now; None: nothing."""
        with self._lock:
            return self._present()

    def _present(self) -> Attention | None:
        until_s, label, score = self._seen
        left_s = until_s - self._clock()
        if left_s <= 0.0:
            return None
        settings = self._settings
        return Attention(label, score, left_s, settings.min_accuracy, settings.priority)

    def due(self) -> bool:
        """Whether there is something to announce: a start, a longer hold, a change or the end.

        Not each frame in which the label is seen is announced, but always before the announced hold
        is over.
        """
        with self._lock:
            now, before = self._present(), self._announced
            if now is None or before is None:
                return now is not before
            if (now.min_accuracy, now.priority) != (before.min_accuracy, before.priority):
                return True
            grown_s = self._seen[0] - self._announced_until_s
            ends_s = self._announced_until_s - self._clock()
            settings = self._settings
            return abs(grown_s) >= GROWTH * settings.hold_s or (grown_s > 0.0 and ends_s <= LEAD_S)

    def announce(self) -> Attention | None:
        """Return what to announce; it is announced from now on."""
        with self._lock:
            self._announced, self._announced_until_s = self._present(), self._seen[0]
            return self._announced
