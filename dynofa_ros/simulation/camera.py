"""Images of one application, as its camera takes them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from dynofa_ros.simulation.scenario import ApplicationPlan

# Farther from its time no image arrives, in standard deviations: it would overtake its neighbour.
LARGEST_DEVIATION = 3.0
ROUNDING_S = 1e-9


@dataclass(frozen=True)
class Image:
    """One image, and what its inference takes relative to what it should."""

    number: int
    arrived_s: float
    spread: float


def images(plan: ApplicationPlan, *, latency_jitter: float, seed: int) -> Iterator[Image]:
    """Yield the images of an application until it leaves, in order.

    `latency_jitter` is the standard deviation of the log-normal spread. Images depend on the seed
    and the application's name alone, so that every policy gets the same ones.
    """
    camera = Random(f'{seed} {plan.name} camera')
    spread = Random(f'{seed} {plan.name} spread')
    for number, (due_s, period_s) in enumerate(_due(plan)):
        deviation = min(max(camera.gauss(0.0, 1.0), -LARGEST_DEVIATION), LARGEST_DEVIATION)
        arrived_s = due_s + (deviation + LARGEST_DEVIATION) * plan.period_jitter * period_s
        if arrived_s >= plan.leave_s:
            return
        yield Image(number, arrived_s, spread.lognormvariate(0.0, latency_jitter))


def _due(plan: ApplicationPlan) -> Iterator[tuple[float, float]]:
    """Yield when images are due, and the period until the next one.

    A burst begins and ends with an image of its own: what is due after that is no longer taken.
    """
    starts = [(plan.join_s, plan.period_s)]
    for burst in plan.bursts:
        if burst.until_s > plan.join_s:
            starts.append((max(burst.at_s, plan.join_s), burst.period_s))
            starts.append((burst.until_s, plan.period_s))
    for index, (start_s, period_s) in enumerate(starts):
        end_s = starts[index + 1][0] if index + 1 < len(starts) else math.inf
        # The last one before a change keeps its distance, or its lateness could overtake the next.
        for number in itertools.count():
            due_s = start_s + number * period_s
            if due_s + (period_s if math.isfinite(end_s) else 0.0) > end_s + ROUNDING_S:
                break
            yield due_s, period_s
