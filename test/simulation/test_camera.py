# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Arrival times of images: regular, in bursts, and never out of order."""

import itertools
import math

import pytest
from pytest import approx

from dynofa_ros.simulation.camera import images
from dynofa_ros.simulation.scenario import Burst


@pytest.fixture
def arrivals(sim):
    """Return a function that lists the arrival times of an application's images."""

    def list_times(*, until_s, seed=0, **changes):
        coming = images(sim.app(**changes), latency_jitter=0.0, seed=seed)
        return [e.arrived_s for e in itertools.takewhile(lambda e: e.arrived_s < until_s, coming)]

    return list_times


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        pytest.param({'join_s': 1.0}, [1.0, 1.1, 1.2, 1.3, 1.4], id='one image per period'),
        pytest.param(
            {'bursts': (Burst(0.2, 0.4, 0.05),)},
            [0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6],
            id='a burst has its own period',
        ),
        pytest.param(
            {'bursts': (Burst(0.25, 0.31, 0.02),)},
            [0, 0.1, 0.25, 0.27, 0.29, 0.31, 0.41, 0.51, 0.61],
            id='a burst between two images starts at its own time',
        ),
        pytest.param(
            {'join_s': 1.0, 'bursts': (Burst(0.0, 0.5, 0.01), Burst(0.9, 1.2, 0.05))},
            [1.0, 1.05, 1.1, 1.15, 1.2, 1.3],
            id='a burst may begin before the application joins',
        ),
        pytest.param(
            {'bursts': (Burst(0.2, math.inf, 0.4),)},
            [0.0, 0.1, 0.2, 0.6, 1.0],
            id='a burst may never end',
        ),
    ],
)
def test_images_arrive_at_the_rate_of_the_camera(arrivals, changes, expected):
    assert arrivals(until_s=expected[-1] + 0.05, **changes) == approx(expected)


@pytest.mark.parametrize('seed', range(5))
def test_no_image_overtakes_another(arrivals, seed):
    bursts = (Burst(0.33, 0.71, 0.03), Burst(1.0, 2.0, 0.25))
    found = arrivals(period_jitter=0.15, bursts=bursts, until_s=5.0, seed=seed)
    assert all(before < after for before, after in itertools.pairwise(found))
