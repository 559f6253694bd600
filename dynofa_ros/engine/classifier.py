"""Classify camera images with the active sub-network, and time every part of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from dynofa_ros.engine.prediction import Prediction, predict
from dynofa_ros.engine.preprocess import Image
from dynofa_ros.engine.resident_set import Engine, Resident, ResidentSet


@dataclass(frozen=True)
class Classified:
    """One image's classes, and what each part took [s]."""

    prediction: Prediction
    preprocess_s: float
    inference_s: float
    postprocess_s: float


class Classifier:
    """Runs the active sub-network of a resident set; a switch takes effect at the next image."""

    def __init__(
        self,
        residents: ResidentSet,
        engine: Engine,
        labels: tuple[str, ...],
        *,
        threads: int,
        top: int = 5,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._residents, self._engine, self._labels = residents, engine, labels
        self._clock = clock
        self.top = top
        self.threads = threads
        self.active: Resident = next(iter(residents))

    def switch(self, subnet_id: str) -> None:
        """Run another sub-network from the next image on.

        Raises:
            ValueError: if it is not resident, listing those that are.
        """
        self.active = self._residents[subnet_id]

    def classify(self, decode: Callable[[], Image]) -> Classified:
        """Classify the (H, W, 3) uint8 BGR image that ``decode`` returns.

        Whatever ``decode`` raises passes through.
        """
        self._engine.set_threads(self.threads)
        start = self._clock()
        network_input = self.active.preprocess(decode())
        prepared = self._clock()
        logits = self.active.run(network_input)
        inferred = self._clock()
        prediction = predict(logits, self._labels, self.top)
        done = self._clock()
        return Classified(prediction, prepared - start, inferred - prepared, done - inferred)
