# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run frames: wait for a turn, classify with what the envelope allows, and report."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dynofa_ros.engine import CPU
from dynofa_ros.nodes.perception.compressed_image import MAX_PIXELS
from dynofa_ros.nodes.perception.frame_picker import Pick
from dynofa_ros.nodes.perception.image_conversion import ImageError, to_bgr
from dynofa_ros.nodes.perception.processor_turn import POLL_S, MachineTurns, ProcessorTurn
from dynofa_ros.nodes.perception.stage_runner import FrameStart, StageRunner
from dynofa_ros.nodes.perception.subnet_commands import SubnetCommands
from dynofa_ros.nodes.perception.worker_types import ARRIVAL, STAMP, Arrival, FrameResult
from dynofa_ros.runtime.turns import WaitingFrame

# A frame without a deadline waits at most this long for a turn [s].
MOST_WAIT_S = 1.0


@dataclass
class FrameRunner:
    """Classifies images with what was commanded, or with what is in time."""

    stages: StageRunner
    turns: MachineTurns | None = None
    deadline_from: str = ARRIVAL
    """What deadlines count from: `ARRIVAL`, or `STAMP` of the image where its age is known."""
    max_image_pixels: int = MAX_PIXELS
    """Largest compressed image that is decoded."""
    dropped: int = 0
    """Frames replaced by a newer one since the last result."""
    refused: int = 0
    """Images rejected since the last result."""
    commands: SubnetCommands = field(init=False)
    _sequence: int = 0

    def __post_init__(self) -> None:
        self.commands = self.stages.commands

    def prepare_early(self, arrival: Arrival, *, period_s: float) -> Arrival:
        """Preprocess a frame in the receiving thread while the worker runs the previous one.

        Only if that shortens its latency: a core is free, and the worker is expected to finish
        before the next frame, due in `period_s`, replaces this one.
        """
        end_s, now_s = self.stages.busy_until_s, self.commands.clock()
        if not (now_s < end_s < now_s + period_s and self._leaves_a_core()):
            return arrival
        try:
            prepared = self.commands.classifier.prepare(lambda: self._to_bgr(arrival))
        except Exception:  # the worker meets the same error and reports it
            return arrival
        return replace(arrival, prepared=prepared)

    def _leaves_a_core(self) -> bool:
        """Return whether the current inference leaves a CPU core free."""
        if self.stages.model is not None or self.commands.running.processor != CPU:
            return True
        return self.commands.running.threads < self.commands.processors[CPU]

    def classify(self, arrival: Arrival) -> None:
        """Classify an image and report it; a rejected one is counted."""
        queue_s = self._queue_s(arrival)
        deadline_from = self._deadline_from(arrival)
        passed_s = queue_s + (arrival.age_s if deadline_from == STAMP else 0.0)
        prepared = arrival.prepared
        prepared_s = math.nan if prepared is None else prepared.preprocess_s
        picked = self._pick(passed_s=passed_s, prepared_s=prepared_s)
        turn = None
        try:
            if prepared is None:
                prepared = self.commands.classifier.prepare(lambda: self._to_bgr(arrival))
            turn, waited_s = self._take_turn(arrival, passed_s + prepared.preprocess_s)
            queue_s, passed_s = queue_s + waited_s, passed_s + waited_s
            if waited_s > POLL_S:
                picked = self._pick(passed_s=passed_s, prepared_s=prepared.preprocess_s)
            answer = self.stages.run(
                FrameStart(arrival, prepared, picked, passed_s, has_turn=turn is not None)
            )
        except ImageError as error:
            self._refuse('image', str(error))
            return
        except Exception as error:  # an engine that fails on one frame must not end the node
            self._refuse('inference', f'{picked.key[0]}: {error!r}')
            return
        finally:
            if turn is not None:
                turn.give_back()
        self._sequence += 1
        result = FrameResult(
            arrival=arrival,
            classified=answer.classified,
            running=self.commands.running,
            ran=answer.ran,
            sequence=self._sequence,
            dropped=self.dropped,
            refused=self.refused,
            queue_s=queue_s,
            modelled=self.stages.model is not None,
            energy_j=answer.energy_j,
            deadline_from=deadline_from,
            early_latency_s=answer.early_latency_s,
        )
        self.dropped = self.refused = 0
        self.commands.listener.on_result(result)

    def _deadline_from(self, arrival: Arrival) -> str:
        """Return what the deadline of an image counts from; count where its stamp is of no use."""
        if self.deadline_from == STAMP and math.isnan(arrival.age_s):
            self.commands.listener.on_refused(
                'image stamp',
                'the clock of the camera disagrees with that of this machine; expected a stamp '
                'that is 0 to 60 s old; the deadline of such an image counts from its arrival',
            )
            return ARRIVAL
        return self.deadline_from

    def _pick(self, *, passed_s: float, prepared_s: float) -> Pick:
        """Activate what the frame runs that starts now."""
        pick = self.commands.picker.pick(
            self.commands.active, passed_s=passed_s, prepared_s=prepared_s
        )
        self.commands.classifier.active = pick.stages.first
        return pick

    def _take_turn(self, arrival: Arrival, passed_s: float) -> tuple[ProcessorTurn | None, float]:
        """Wait for a turn where frames take turns, as long as the deadline allows.

        Returns the turn, None without one, and the time waited [s].
        """
        processor = self.commands.running.processor
        if self.turns is None or not self.commands.view.takes_turns(processor):
            return None, 0.0
        turn = self.turns.on(processor)
        if turn is None:
            return None, 0.0
        start_s = self.commands.clock()
        left_s = self.commands.picker.longest_wait_s(passed_s=passed_s)
        due_s = start_s + self.commands.running.deadline_s - passed_s
        if math.isnan(left_s):
            left_s, due_s = MOST_WAIT_S, math.inf
        frame = WaitingFrame(due_s, arrival.arrived_s, '')
        try:
            taken = turn.take(frame, until_s=start_s + left_s, pause=self.stages.stopped.wait)
        except OSError as error:  # such as a full file system
            self.commands.listener.on_refused('turn', f'{error}; the frame runs beside others')
            return None, self.commands.clock() - start_s
        waited_s = self.commands.clock() - start_s
        if not taken:
            self.commands.listener.on_refused(
                'turn',
                f'{processor} was busy for {waited_s * 1e3:.0f} ms; expected a turn by then; '
                'the frame runs beside others',
            )
        return turn if taken else None, waited_s

    def _to_bgr(self, arrival: Arrival) -> NDArray[np.uint8]:
        return to_bgr(arrival.message, max_pixels=self.max_image_pixels)

    def _queue_s(self, arrival: Arrival) -> float:
        """Return how long a frame waited, without its preprocessing time.

        Time lost because this machine is slower than the simulated platform is not counted.
        """
        now_s = self.commands.clock()
        start_s, end_s = self.stages.overrun
        overlap_s = min(now_s, end_s) - max(arrival.arrived_s, start_s)
        prepared_s = 0.0 if arrival.prepared is None else arrival.prepared.preprocess_s
        return max(now_s - arrival.arrived_s - prepared_s - max(overlap_s, 0.0), 0.0)

    def _refuse(self, name: str, detail: str) -> None:
        self.refused += 1
        self.commands.listener.on_refused(name, detail)
