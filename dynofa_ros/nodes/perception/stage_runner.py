# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run the stages of a frame: the first one, and the next ones while it is unsure and in time.

The answer of a stage stands if its score reaches the threshold, or if the next stage would be late:
an anytime algorithm, as in Zilberstein (AI Magazine 17(3), 1996).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dynofa_ros.engine import Classified, Prepared
from dynofa_ros.engine.resident_set import ResidentSubnet
from dynofa_ros.nodes.perception.frame_model import FrameModel
from dynofa_ros.nodes.perception.frame_picker import Pick
from dynofa_ros.nodes.perception.stages import CalibratedCascade
from dynofa_ros.nodes.perception.subnet_commands import SubnetCommands
from dynofa_ros.nodes.perception.worker_types import Arrival, EarlyAnswer, Ran
from dynofa_ros.runtime.checks import shortened
from dynofa_ros.runtime.operating_points.point import PointKey


@dataclass(frozen=True)
class FrameStart:
    """A prepared image, whose first stage is about to run."""

    arrival: Arrival
    prepared: Prepared
    pick: Pick
    passed_s: float
    """Since its deadline began to count, without its preprocessing."""
    has_turn: bool


@dataclass(frozen=True)
class FrameAnswer:
    """The answer of a frame, with the times and the energy of all stages that ran."""

    classified: Classified
    ran: Ran
    energy_j: float
    early_latency_s: float = math.nan

    def noting(self, reason: str, *, accuracy: float) -> FrameAnswer:
        """Return it with one more reason for its escalation, and the accuracy given that."""
        reasons = f'{self.ran.escalation}; {reason}' if self.ran.escalation else reason
        return replace(self, ran=replace(self.ran, escalation=reasons, accuracy=accuracy))


@dataclass
class StageRunner:
    """Runs sub-networks one after another, on this machine.

    With a ``model``, each takes as long as on the simulated platform: it runs here, and then sleeps
    for the remaining time.
    """

    commands: SubnetCommands
    model: FrameModel | None = None
    publish_early: bool = False
    """Whether an answer goes out before the next stage runs."""
    overruns: int = 0
    """Number of inferences that took longer here than on the simulated platform."""
    overrun: tuple[float, float] = (-math.inf, -math.inf)
    """Start and end on the clock of the excess time of the last overrun."""
    busy_until_s: float = -math.inf
    """Expected end of the current inference on the clock; in the past or NaN: unknown."""
    stopped: threading.Event = field(default_factory=threading.Event)
    """Ends simulated inferences."""
    _excess_s: float = 0.0
    """Excess time of the present frame."""
    _last_s: dict[PointKey, float] = field(default_factory=dict)
    """Duration of the last inference of each sub-network."""

    def run(self, frame: FrameStart) -> FrameAnswer:
        """Return the answer of a frame. Raises what the engine raises in the first stage."""
        self._excess_s = 0.0
        pick, first = frame.pick, frame.pick.stages.first
        classify = self.commands.classifier.classify
        classified, energy_j = self._timed(frame, first, lambda: classify(frame.prepared))
        ran = Ran(
            pick.key,
            first.precision,
            first.kept.accuracy,
            pick.reason,
            stages=((first.kept.subnet_id, classified.inference_s),),
            first_score=classified.prediction.scores[0],
        )
        answer = FrameAnswer(classified, ran, energy_j)
        calibrated = pick.stages.calibrated
        return answer if calibrated is None else self._escalate(frame, answer, calibrated)

    def _escalate(
        self, frame: FrameStart, answer: FrameAnswer, calibrated: CalibratedCascade
    ) -> FrameAnswer:
        """Return the answer that stands: this one, or that of a later stage."""
        cascade, stage = calibrated.cascade, answer.ran.answered - 1
        if stage == len(cascade.thresholds):
            return answer
        score, threshold = answer.classified.prediction.scores[0], cascade.thresholds[stage]
        compared = compared_text(score, threshold)
        if score >= threshold:
            return answer.noting(compared, accuracy=cascade.answer_accuracy[stage])
        later = frame.pick.stages.residents[stage + 1]
        late = self._late(frame, answer, later)
        answer = answer.noting(compared + late, accuracy=cascade.early_accuracy[stage])
        if late:
            return answer
        if self.publish_early:
            answer = self._published(frame, answer)
        try:
            refined = self._refined(frame, answer, later, calibrated)
        except Exception as error:  # an engine that fails on a stage must not cost the answer
            self.commands.listener.on_refused('inference', f'{later.kept.subnet_id}: {error!r}')
            failed = f'{later.kept.subnet_id} failed: {shortened(str(error) or repr(error))}'
            return answer.noting(failed, accuracy=answer.ran.accuracy)
        return self._escalate(frame, refined, calibrated)

    def _late(self, frame: FrameStart, answer: FrameAnswer, later: ResidentSubnet) -> str:
        """Return why the next stage would be late; an empty text if it is in time."""
        same_input = later.preprocess is frame.prepared.preprocessor
        fits, needed_s, left_s = self.commands.picker.time_for(
            self._key(frame, later),
            passed_s=frame.passed_s + answer.classified.total_s,
            preprocess_s=0.0 if same_input else frame.prepared.preprocess_s,
        )
        if fits:
            return ''
        needed = 'an unknown time' if math.isnan(needed_s) else f'{needed_s * 1e3:.1f} ms'
        return f'; {later.kept.subnet_id} needs {needed} of {left_s * 1e3:.1f} ms left'

    def _published(self, frame: FrameStart, answer: FrameAnswer) -> FrameAnswer:
        """Publish an answer before the next stage runs, which counts as postprocessing."""
        start_s, parts = self.commands.clock(), answer.classified
        early = EarlyAnswer(frame.arrival, answer.ran.key[0], parts.prediction, answer.ran.answered)
        try:
            self.commands.listener.on_early(early)
        except Exception as error:  # the next stage runs nevertheless
            self.commands.listener.on_error(error)
        first = math.isnan(answer.early_latency_s)
        published_s = self.commands.clock() - start_s
        return replace(
            answer,
            classified=replace(parts, postprocess_s=parts.postprocess_s + published_s),
            early_latency_s=frame.passed_s + parts.total_s if first else answer.early_latency_s,
        )

    def _refined(
        self,
        frame: FrameStart,
        answer: FrameAnswer,
        later: ResidentSubnet,
        calibrated: CalibratedCascade,
    ) -> FrameAnswer:
        """Return the answer of the next stage, with the times and the energy of all so far."""
        before, ran = answer.classified, answer.ran
        refine, temperature = self.commands.classifier.refine, calibrated.temperatures
        classified, energy_j = self._timed(
            frame,
            later,
            lambda: refine(frame.prepared, later, temperature=temperature[ran.answered - 1]),
        )
        return replace(
            answer,
            classified=Classified(
                classified.prediction,
                before.preprocess_s + classified.preprocess_s,
                before.inference_s + classified.inference_s,
                before.postprocess_s + classified.postprocess_s,
            ),
            ran=replace(
                ran,
                precision=later.precision,
                accuracy=calibrated.cascade.answer_accuracy[ran.answered],
                stages=(*ran.stages, (later.kept.subnet_id, classified.inference_s)),
                answered=ran.answered + 1,
            ),
            energy_j=answer.energy_j + energy_j,
        )

    def _key(self, frame: FrameStart, subnet: ResidentSubnet) -> PointKey:
        _, _, processor, threads = frame.pick.key
        return self.commands.picker.key(subnet.kept.subnet_id, processor, threads)

    def _timed(
        self, frame: FrameStart, subnet: ResidentSubnet, run: Callable[[], Classified]
    ) -> tuple[Classified, float]:
        """Run a sub-network, and learn from its time; return what it gave and its energy [J]."""
        key, start_s = self._key(frame, subnet), self.commands.clock()
        self.busy_until_s = start_s + self._last_s.get(key, math.nan)
        classified, energy_j = run(), math.nan
        if self.model is not None:
            modelled = self.model.frame(
                subnet.kept, processor=key[2], threads=key[3], has_turn=frame.has_turn
            )
            self._sleep(modelled.inference_s - classified.inference_s)
            classified = replace(classified, inference_s=modelled.inference_s)
            energy_j = modelled.energy_j
        self._last_s[key] = classified.inference_s
        later = subnet is not frame.pick.stages.first
        self.commands.picker.ran(key, classified, started_s=start_s, later=later)
        return classified, energy_j

    def _sleep(self, remaining_s: float) -> None:
        """Sleep until the simulated platform would finish; count an inference that is late."""
        if remaining_s > 0:
            self.stopped.wait(remaining_s)
            return
        self.overruns += 1
        self._excess_s -= remaining_s
        now_s = self.commands.clock()
        self.overrun = now_s - self._excess_s, now_s


def compared_text(score: float, threshold: float) -> str:
    """Return how a score compares with a threshold; near it, with as many digits as that takes."""
    relation = 'at least' if score >= threshold else 'below'
    digits = 2 if abs(score - threshold) >= 0.01 else 6
    return f'score {score:.{digits}f}, {relation} {threshold:g}'
