"""Classify camera images with the active sub-network, and time every part of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from dynofa_ros.engine.prediction import Prediction, predict
from dynofa_ros.engine.preprocess import Image, Input, Preprocessor
from dynofa_ros.engine.resident_set import ResidentSubnet


@dataclass(frozen=True)
class Classified:
    """One image's classes, and what each part took [s]."""

    prediction: Prediction
    preprocess_s: float
    inference_s: float
    postprocess_s: float


@dataclass(frozen=True)
class Prepared:
    """A camera image as a network's input, and what that took."""

    image: Image
    """The (H, W, 3) uint8 BGR image that it was made of."""
    network_input: Input
    preprocessor: Preprocessor
    preprocess_s: float


class Classifier:
    """Runs the active sub-network; a switch takes effect at the next image."""

    def __init__(
        self,
        active: ResidentSubnet,
        labels: tuple[str, ...],
        *,
        top: int = 5,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._labels, self._clock = labels, clock
        self.top = top
        self.active = active
        """What runs from the next image on: assigning it is the whole switch."""

    def prepare(self, decode: Callable[[], Image]) -> Prepared:
        """Make the active sub-network's input of the (H, W, 3) BGR image that ``decode`` returns.

        Another thread may call it while one image is classified. Whatever ``decode`` raises passes
        through.
        """
        start = self._clock()
        image, preprocess = decode(), self.active.preprocess
        network_input = preprocess(image)
        return Prepared(image, network_input, preprocess, self._clock() - start)

    def classify(self, prepared: Prepared) -> Classified:
        """Classify an image, prepared again if the resolution was switched since."""
        active, preprocess_s = self.active, prepared.preprocess_s
        start = self._clock()
        network_input = prepared.network_input
        if prepared.preprocessor is not active.preprocess:
            network_input = active.preprocess(prepared.image)
            again = self._clock()
            preprocess_s += again - start
            start = again
        logits = active.run(network_input)
        inferred = self._clock()
        prediction = predict(logits, self._labels, self.top)
        done = self._clock()
        return Classified(prediction, preprocess_s, inferred - start, done - inferred)
