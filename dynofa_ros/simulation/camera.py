"""Images of one application, as its camera takes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from dynofa_ros.simulation.scenario import ApplicationPlan

# Farther from its time no image arrives, in standard deviations: it would overtake its neighbour.
LARGEST_DEVIATION = 3.0


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
    number = 0
    while True:
        deviation = min(max(camera.gauss(0.0, 1.0), -LARGEST_DEVIATION), LARGEST_DEVIATION)
        late_s = (deviation + LARGEST_DEVIATION) * plan.period_jitter * plan.period_s
        arrived_s = plan.join_s + number * plan.period_s + late_s
        if arrived_s >= plan.leave_s:
            return
        yield Image(number, arrived_s, spread.lognormvariate(0.0, latency_jitter))
        number += 1
