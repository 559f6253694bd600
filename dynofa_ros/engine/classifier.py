# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Classify camera images with the active sub-network, and time each part of the work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dynofa_ros.engine.engine import EngineError
from dynofa_ros.engine.preprocess import Image, Input, Preprocessor
from dynofa_ros.engine.resident_set import ResidentSubnet


@dataclass(frozen=True)
class Prediction:
    """The best classes of one image, best first, with calibrated probabilities in 0..1."""

    class_ids: tuple[int, ...]
    labels: tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Classified:
    """The prediction for one image, and the duration of each part of the work [s]."""

    prediction: Prediction
    preprocess_s: float
    inference_s: float
    postprocess_s: float

    @property
    def total_s(self) -> float:
        """Duration of all parts [s]."""
        return self.preprocess_s + self.inference_s + self.postprocess_s


@dataclass(frozen=True)
class Prepared:
    """A camera image as input of a network, and the duration of the preprocessing."""

    image: Image
    """The original (H, W, 3) uint8 BGR image."""
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
        """Runs from the next image on; assign it to switch."""

    def prepare(self, decode: Callable[[], Image]) -> Prepared:
        """Decode a (H, W, 3) BGR image and convert it to the input of the active sub-network.

        Another thread may call this during :meth:`classify`. Exceptions of ``decode`` propagate.
        """
        start = self._clock()
        image, preprocess = decode(), self.active.preprocess
        network_input = preprocess(image)
        return Prepared(image, network_input, preprocess, self._clock() - start)

    def classify(self, prepared: Prepared) -> Classified:
        """Classify an image; preprocess it again if the resolution has changed since.

        Raises:
            EngineError: if a logit is NaN or infinite, naming the sub-network.
        """
        active = self.active
        return self._run(active, prepared, active.kept.temperature, prepared.preprocess_s)

    def refine(
        self, prepared: Prepared, later: ResidentSubnet, *, temperature: float
    ) -> Classified:
        """Classify the same image with a later stage of a cascade.

        Its input is made from the decoded image; only that counts as its preprocessing. Its logits
        are divided by ``temperature``. Raises as :meth:`classify` does.
        """
        return self._run(later, prepared, temperature, 0.0)

    def _run(
        self, subnet: ResidentSubnet, prepared: Prepared, temperature: float, preprocess_s: float
    ) -> Classified:
        start = self._clock()
        network_input = prepared.network_input
        if prepared.preprocessor is not subnet.preprocess:
            network_input = subnet.preprocess(prepared.image)
            again = self._clock()
            preprocess_s += again - start
            start = again
        logits = subnet.run(network_input)
        inferred = self._clock()
        if not np.isfinite(logits).all():
            raise EngineError(
                f'sub-network {subnet.kept.subnet_id} gives NaN or infinity; expected finite logits'
            )
        prediction = predict(logits, self._labels, self.top, temperature=temperature)
        done = self._clock()
        return Classified(prediction, preprocess_s, inferred - start, done - inferred)


def predict(
    logits: Input, labels: tuple[str, ...], top: int, *, temperature: float = 1.0
) -> Prediction:
    """Return the ``top`` classes of logits, (classes,), or all if there are fewer.

    The logits are divided by ``temperature`` before the softmax: temperature scaling, Guo et al.
    (ICML 2017, arXiv 1706.04599). It changes the scores, not the order of the classes.
    """
    exponents = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    scores = exponents / exponents.sum()
    best = np.argsort(-scores, kind='stable')[:top]
    return Prediction(
        tuple(best.tolist()),
        tuple(labels[i] for i in best),
        tuple(scores[best].tolist()),
    )
