# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The camera of one application: a stream of images with arrival jitter and bursts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from dynofa_ros.simulation.latency_distribution import LatencyDistribution
from dynofa_ros.simulation.scenario import ApplicationPlan
from dynofa_ros.simulation.scene import Scene

# Arrival jitter is cut off here, in standard deviations, so that no image overtakes the next.
MAX_DEVIATION = 3.0
ROUNDING_S = 1e-9


@dataclass(slots=True, eq=False)
class Image:
    """One image."""

    number: int
    arrived_s: float
    latency_factor: float  # actual / modelled latency of its inference, of every stage alike
    picture: int = Scene.UNKNOWN  # that it shows


def images(
    plan: ApplicationPlan,
    *,
    latency_jitter: float,
    distribution: LatencyDistribution | None = None,
    seed: int,
) -> Iterator[Image]:
    """Yield the images of an application in order of arrival, until it leaves.

    Latency factors have the spread `latency_jitter`, and are log-normal by default. The images
    depend only on the seed and the application's name, so every policy gets the same ones.
    """
    arrival_rng = Random(f'{seed} {plan.name} camera')
    latency_factor = (distribution or LatencyDistribution()).sampler(
        spread=latency_jitter, rng=Random(f'{seed} {plan.name} spread')
    )
    scene, scene_rng = Scene(plan.networks.scores), Random(f'{seed} {plan.name} scene')
    for number, (due_s, period_s) in enumerate(_schedule(plan)):
        deviation = min(max(arrival_rng.gauss(0.0, 1.0), -MAX_DEVIATION), MAX_DEVIATION)
        arrived_s = due_s + (deviation + MAX_DEVIATION) * plan.period_jitter * period_s
        if arrived_s >= plan.leave_s:
            return
        picture = scene.draw(scene_rng, difficulty=plan.difficulty_at(arrived_s))
        yield Image(number, arrived_s, latency_factor(arrived_s), picture)


def _schedule(plan: ApplicationPlan) -> Iterator[tuple[float, float]]:
    """Yield the nominal time of each image and the period in force.

    A burst starts with an image of its own, and so does the regular rate after it.
    """
    starts = [(plan.join_s, plan.period_s)]
    for burst in plan.bursts:
        if burst.until_s > plan.join_s:
            starts.append((max(burst.at_s, plan.join_s), burst.period_s))
            starts.append((burst.until_s, plan.period_s))
    for index, (start_s, period_s) in enumerate(starts):
        end_s = starts[index + 1][0] if index + 1 < len(starts) else math.inf
        # The last image before a change of rate keeps a full period to the next: jitter must not
        # make it overtake that one.
        margin_s = period_s if math.isfinite(end_s) else 0.0
        for number in itertools.count():
            due_s = start_s + number * period_s
            if due_s + margin_s > end_s + ROUNDING_S:
                break
            yield due_s, period_s
