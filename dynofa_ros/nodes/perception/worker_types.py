"""What the perception node's worker is given, and what it tells: plain values, without ROS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from dynofa_ros.engine import Classified, Prepared


@dataclass(frozen=True)
class Arrival:
    """An image message as it came, by the steady clock, with its age then [s]."""

    message: Any
    arrived_s: float
    age_s: float
    prepared: Prepared | None = None
    """The network's input, where it was made while the frame before was still worked on."""


@dataclass(frozen=True)
class SubnetRequest:
    """What to run from the next frame on; the fields of SubnetCommand.msg.

    Without a ``sequence`` it is nobody's command: the deadline, and what became of the last
    command, stay as they are.
    """

    sequence: int | None
    subnet_id: str
    processor: str = ''
    threads: int = 0
    deadline_s: float = math.nan
    reason: str = ''


@dataclass(frozen=True)
class Loaded:
    """The sub-network of a command was compiled, or could not be; ``error`` says why."""

    command: SubnetRequest
    error: str


@dataclass(frozen=True)
class Running:
    """What runs now, and what became of the last command."""

    subnet_id: str
    processor: str
    threads: int
    deadline_s: float
    since_s: float
    reason: str
    precision: str = 'float32'
    switches: int = 0
    switch_s: float = math.nan
    """How long the last switch took, between two frames."""
    command_sequence: int = 0
    command_applied: bool = False
    command_result: str = 'no command yet'


@dataclass(frozen=True)
class FrameResult:
    """One classified image; times in s, energy in J."""

    arrival: Arrival
    classified: Classified
    running: Running
    accuracy: float
    sequence: int
    dropped: int
    refused: int
    queue_s: float
    modelled: bool
    energy_j: float

    @property
    def latency_s(self) -> float:
        """Arrival to result."""
        each = self.classified
        return self.queue_s + each.preprocess_s + each.inference_s + each.postprocess_s

    @property
    def deadline_met(self) -> bool:
        """Whether the latency kept the deadline; true without one."""
        deadline_s = self.running.deadline_s
        return math.isnan(deadline_s) or self.latency_s <= deadline_s


class Listener(Protocol):
    """Who hears what the worker did; called from the worker's thread."""

    def on_result(self, result: FrameResult) -> None:
        """Hear of a classified frame."""
        ...

    def on_running(self, running: Running) -> None:
        """Hear of a command that was obeyed or refused."""
        ...

    def on_refused(self, name: str, detail: str) -> None:
        """Hear of an input that was refused."""
        ...
