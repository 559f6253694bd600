# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Plain values that the perception worker receives and reports; no ROS needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from dynofa_ros.engine import Classified, Prediction, Prepared
from dynofa_ros.runtime.operating_points.point import PointKey

# What the deadline of an image counts from: values of the parameter deadline_from.
ARRIVAL, STAMP = 'arrival', 'stamp'


@dataclass(frozen=True)
class Arrival:
    """An image message and its arrival time on the steady clock [s]."""

    message: Any
    arrived_s: float
    age_s: float
    """Age of the image on arrival [s]; NaN if unknown."""
    prepared: Prepared | None = None
    """The preprocessed image, if it was prepared while the previous frame was running."""


@dataclass(frozen=True)
class SubnetRequest:
    """The sub-network or cascade to run from the next frame on; fields as in SubnetCommand.msg.

    A request without a ``sequence`` comes from the node itself: it changes neither the deadline nor
    the acknowledgement of the last command.
    """

    sequence: int | None
    subnet_id: str
    processor: str = ''
    threads: int = 0
    deadline_s: float = math.nan
    reason: str = ''
    envelope: tuple[tuple[str, int], ...] = ()
    """What else frames may run: sub-network and number of threads, 0: those of the command."""
    deadline_probability: float = 0.0
    min_accuracy: float = 0.0
    objective: str = ''
    energy_weight: float = 0.0


def pin(subnet_id: str) -> SubnetRequest:
    """Return the request of the parameter ``subnet``."""
    return SubnetRequest(sequence=None, subnet_id=subnet_id, reason='pinned by parameter')


@dataclass(frozen=True)
class Loaded:
    """The sub-network of a command was compiled; ``error`` is empty unless that failed."""

    command: SubnetRequest
    error: str


@dataclass(frozen=True)
class Running:
    """What is commanded, which runs whenever it fits, and the result of the last command.

    A frame that it would make late runs another one of the envelope.
    """

    subnet_id: str
    processor: str
    threads: int
    deadline_s: float
    since_s: float
    reason: str
    precision: str = 'float32'
    switches: int = 0
    switch_s: float = math.nan
    """Duration of the last switch, between two frames [s]."""
    command_sequence: int = 0
    command_applied: bool = False
    command_result: str = 'no command yet'
    envelope: tuple[PointKey, ...] = ()
    """What frames may run at present, the commanded point first."""


@dataclass(frozen=True)
class EarlyAnswer:
    """The prediction of a stage that is not the last, while the next one runs."""

    arrival: Arrival
    subnet_id: str
    """The cascade."""
    prediction: Prediction
    stage: int
    """From 1."""


@dataclass(frozen=True)
class Ran:
    """What classified an image."""

    key: PointKey
    precision: str
    """Of the stage that answered."""
    accuracy: float
    """Expected; of a cascade, given the stages that ran."""
    reason: str = ''
    """Why it is not the commanded one; empty: it is."""
    stages: tuple[tuple[str, float], ...] = ()
    """The sub-networks that ran, and the inference of each [s]."""
    answered: int = 1
    """The stage whose answer it is, from 1."""
    first_score: float = math.nan
    """Score of the first stage's best class."""
    escalation: str = ''
    """Why the next stage of a cascade ran, or did not; empty without a cascade."""


@dataclass(frozen=True)
class FrameResult:
    """A classified image; times in s, energy in J."""

    arrival: Arrival
    classified: Classified
    """The answer, and the times of all stages."""
    running: Running
    """What was commanded."""
    ran: Ran
    sequence: int
    dropped: int
    refused: int
    queue_s: float
    """Wait for the previous frame, and for a turn on the processor."""
    modelled: bool
    energy_j: float
    deadline_from: str = ARRIVAL
    early_latency_s: float = math.nan
    """Time to the first early answer, counted as `latency_s`; NaN: none was published."""

    @property
    def latency_s(self) -> float:
        """Time to the result, from arrival or stamp of the image as `deadline_from` says."""
        since_arrival_s = self.queue_s + self.classified.total_s
        return since_arrival_s + (self.arrival.age_s if self.deadline_from == STAMP else 0.0)

    @property
    def deadline_met(self) -> bool:
        """Whether an answer was out within the deadline; true without a deadline."""
        deadline_s = self.running.deadline_s
        return (
            math.isnan(deadline_s)
            or self.latency_s <= deadline_s
            or self.early_latency_s <= deadline_s
        )


class Listener(Protocol):
    """Receives the worker's results, in the worker's thread."""

    def on_early(self, answer: EarlyAnswer) -> None:
        """Receive an answer that a later stage may correct."""

    def on_result(self, result: FrameResult) -> None:
        """Receive a classified frame."""

    def on_running(self, running: Running) -> None:
        """Receive the state after a command was applied or rejected."""

    def on_refused(self, name: str, detail: str) -> None:
        """Receive a rejected input."""

    def on_error(self, error: Exception) -> None:
        """Receive an exception that nothing else caught."""
