"""The phases of a training run, and the sub-networks that each of them trains.

Progressive shrinking (Once-for-All, arXiv 1908.09791, section 3.3) trains the largest network
first, then gives the smaller choices in: kernel size, depth, expand ratio, width. The phases, their
lengths, learning rates and sub-networks per step are those of the paper's appendix and of its
published training program, as parts of the whole; a field that takes several steps is given in one
lower value at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from dynofa_ros.offline.training.config import TrainingPlan
from dynofa_ros.supernet.search_space import ElasticDimension, SearchSpace

FIELD_ORDER = ('ks', 'd', 'e', 'h', 'w', 'v')
"""Order in which fields become elastic. The paper knows ks, d, e; w follows as in its ResNet50,
and heads are put between (assumed)."""
LARGEST_EPOCHS, STAGE_EPOCHS, SHORT_STAGE_EPOCHS = 180, 120, 25
"""Epochs of the largest network, of the last stage of a field, of a stage before the last."""
LARGEST_RATE = 2.6
STAGE_RATES = {'ks': 0.96}
OTHER_RATE, SHORT_STAGE_RATE = 0.24, 0.08
"""Peak learning rates for batches of 2048 images; only their ratios are used."""
SUBNETS_PER_STEP = {'ks': 1, 'd': 2}
OTHER_SUBNETS_PER_STEP = 4


@dataclass(frozen=True)
class Phase:
    """A part of a run: the space that sub-networks are drawn from, and a learning rate cycle."""

    name: str
    start: int
    steps: int
    space: SearchSpace
    rate_scale: float = 1.0
    subnets_per_step: int = 1
    sorts_channels: bool = False
    """Whether the most important channels move to the front first."""

    @property
    def end(self) -> int:
        """The step after the last."""
        return self.start + self.steps

    def progress(self, step: int) -> float:
        """Return how much of the phase is done, 0..1."""
        return (step - self.start) / self.steps


def phases(plan: TrainingPlan, space: SearchSpace, steps: int) -> tuple[Phase, ...]:
    """Return the phases of a run of so many steps.

    Raises:
        ValueError: if there are fewer steps than phases.
    """
    if plan.method != 'progressive':
        return (Phase(plan.method, 0, steps, space),)
    stages = _stages(space)
    if steps < len(stages):
        raise ValueError(
            f'progressive shrinking of this space takes {len(stages)} steps or more; the run has '
            f'{steps}'
        )
    weights = [epochs for epochs, _ in stages]
    # Every phase has a step at least; the rest is shared in proportion.
    spare = steps - len(stages)
    ends = [
        number + spare * total // sum(weights)
        for number, total in enumerate(accumulate(weights), start=1)
    ]
    starts = [0, *ends[:-1]]
    return tuple(
        replace(phase, start=start, steps=end - start)
        for (_, phase), start, end in zip(stages, starts, ends, strict=True)
    )


def restricted(space: SearchSpace, counts: Mapping[str, int]) -> SearchSpace:
    """Return a space that has only the so many largest values of each field."""
    choices: dict[str, Any] = {
        field: tuple(
            ElasticDimension(choice.allowed[-counts[field] :], choice.runs_above)
            for choice in space.choices(field)
        )
        for field in space.fields
    }
    return replace(space, **choices)


def _stages(space: SearchSpace) -> list[tuple[int, Phase]]:
    """Return relative lengths and phases that do not know their steps yet."""
    counts = dict.fromkeys(space.fields, 1)
    stages = [(LARGEST_EPOCHS, Phase('largest', 0, 1, restricted(space, counts)))]
    for field in (f for f in FIELD_ORDER if f in space.fields):
        most = max(len(choice.allowed) for choice in space.choices(field))
        # Kernel sizes come all at once: each smaller one has a transformation of its own.
        for count in (most,) if field == 'ks' and most > 1 else range(2, most + 1):
            counts[field] = count
            last = count == most
            rate = STAGE_RATES.get(field, OTHER_RATE) if last else SHORT_STAGE_RATE
            phase = Phase(
                f'elastic {field}, {count} values',
                0,
                1,
                restricted(space, counts),
                rate_scale=rate / LARGEST_RATE,
                subnets_per_step=SUBNETS_PER_STEP.get(field, OTHER_SUBNETS_PER_STEP),
                sorts_channels=field == 'e',
            )
            stages.append((STAGE_EPOCHS if last else SHORT_STAGE_EPOCHS, phase))
    return stages
