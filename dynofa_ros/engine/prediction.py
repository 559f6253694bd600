"""From logits to the classes a robot can use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynofa_ros.engine.preprocess import Input


@dataclass(frozen=True)
class Prediction:
    """The best classes of one image, best first, with softmax scores in 0..1."""

    class_ids: tuple[int, ...]
    labels: tuple[str, ...]
    scores: tuple[float, ...]


def predict(logits: Input, labels: tuple[str, ...], top: int) -> Prediction:
    """Return the ``top`` classes of logits, (classes,), or all if there are fewer."""
    exponents = np.exp(logits.astype(np.float64) - logits.max())
    scores = exponents / exponents.sum()
    best = np.argsort(-scores, kind='stable')[:top]
    return Prediction(
        tuple(best.tolist()),
        tuple(labels[i] for i in best),
        tuple(scores[best].tolist()),
    )
