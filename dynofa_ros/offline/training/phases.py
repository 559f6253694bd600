# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The phases of a training run, and the search space that each of them samples from.

Progressive shrinking (Once-for-All, arXiv 1908.09791, section 3.3) trains the largest network
first, then makes kernel size, depth, expand ratio and width elastic one after the other, adding one
smaller value at a time. Relative phase lengths, learning rates and sub-networks per step are those
of the paper's appendix and of its published training code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from dynofa_ros.offline.training.config import TrainingPlan
from dynofa_ros.supernet.search_space import ElasticDimension, SearchSpace

FIELD_ORDER = ('ks', 'd', 'e', 'h', 'w', 'v')
"""Order in which fields become elastic. The paper has ks, d, e; w follows as in its ResNet50, and
heads come in between (assumed)."""
LARGEST_EPOCHS, STAGE_EPOCHS, SHORT_STAGE_EPOCHS = 180, 120, 25
"""Epochs of the largest network, of the last stage of a field, and of its earlier stages."""
LARGEST_RATE = 2.6
STAGE_RATES = {'ks': 0.96}
OTHER_RATE, SHORT_STAGE_RATE = 0.24, 0.08
"""Peak learning rates for batches of 2048 images; only their ratios are used."""
SUBNETS_PER_STEP = {'ks': 1, 'd': 2}
OTHER_SUBNETS_PER_STEP = 4


@dataclass(frozen=True)
class Phase:
    """A part of a run with its own search space and learning rate cycle."""

    name: str
    start: int
    steps: int
    space: SearchSpace
    rate_scale: float = 1.0
    subnets_per_step: int = 1
    sorts_channels: bool = False
    """Whether the phase starts by moving the most important channels to the front."""

    @property
    def end(self) -> int:
        """The first step after the phase."""
        return self.start + self.steps

    def progress(self, step: int) -> float:
        """Return the fraction of the phase that is done at a step."""
        return (step - self.start) / self.steps


def phases(plan: TrainingPlan, space: SearchSpace, steps: int) -> tuple[Phase, ...]:
    """Return the phases of a run of ``steps`` steps.

    Raises:
        ValueError: if there are fewer steps than phases.
    """
    if plan.method != 'progressive':
        return (Phase(plan.method, 0, steps, space),)
    stages = _stages(space)
    if steps < len(stages):
        raise ValueError(
            f'the run has {steps} steps; progressive shrinking of this space expects '
            f'{len(stages)} or more'
        )
    weights = [epochs for epochs, _ in stages]
    # Every phase gets one step; the remaining ones are divided in proportion.
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
    """Return the space limited to the ``counts[field]`` largest values of each field."""
    choices: dict[str, Any] = {
        field: tuple(
            ElasticDimension(choice.allowed[-counts[field] :], choice.runs_above)
            for choice in space.choices(field)
        )
        for field in space.fields
    }
    return replace(space, **choices)


def _stages(space: SearchSpace) -> list[tuple[int, Phase]]:
    """Return each phase with its relative length; start and steps are filled in later."""
    counts = dict.fromkeys(space.fields, 1)
    stages = [(LARGEST_EPOCHS, Phase('largest', 0, 1, restricted(space, counts)))]
    for field in (f for f in FIELD_ORDER if f in space.fields):
        most = max(len(choice.allowed) for choice in space.choices(field))
        # All kernel sizes become elastic at once: each smaller one has its own transformation.
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
