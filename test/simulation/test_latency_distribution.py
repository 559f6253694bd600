# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Distributions of inference time: their spread, quantiles and parameters."""

import math
import statistics
from random import Random

import pytest
from pytest import approx

from dynofa_ros.platform import PlatformError
from dynofa_ros.simulation.latency_distribution import KINDS, LatencyDistribution

FRAMES = 20_000


def factors(distribution, *, spread=0.05, seed=0, frames=FRAMES):
    draw = distribution.sampler(spread=spread, rng=Random(seed))
    return [draw(0.1 * number) for number in range(frames)]


def deviations(distribution, **options):
    logs = [math.log(each) for each in factors(distribution, **options)]
    return statistics.fmean(logs), statistics.pstdev(logs)


@pytest.mark.parametrize('kind', ['lognormal', 'bimodal'])
def test_the_spread_of_the_logarithm_is_the_jitter_about_1(kind):
    assert deviations(LatencyDistribution(kind)) == approx((0.0, 0.05), abs=0.001)


def test_the_spread_of_a_drift_is_the_jitter_in_the_long_run():
    # 2000 s are 200 time constants of 10 s, and 20,000 of 0.1 s.
    quick = LatencyDistribution('drift', time_constant_s=0.1)
    assert deviations(quick) == approx((0.0, 0.05), abs=0.002)


def test_a_drift_keeps_neighbouring_frames_alike():
    logs = [math.log(each) for each in factors(LatencyDistribution('drift'))]
    assert statistics.correlation(logs[:-1], logs[1:]) == approx(0.8, abs=0.05)


def test_the_tail_of_pareto_falls_with_its_shape():
    found = sorted(factors(LatencyDistribution('pareto', tail_shape=2.0)))
    start = math.exp(0.05 * statistics.NormalDist().inv_cdf(0.95))
    assert found[int(0.95 * FRAMES)] == approx(start, rel=0.01)
    # P(X > x) = 0.05 (x / start)^-2: a tenth of the tail lies above start * sqrt(10).
    assert found[int(0.995 * FRAMES)] == approx(start * math.sqrt(10.0), rel=0.15)


def test_outliers_are_rare_and_large():
    found = factors(LatencyDistribution('outliers', outlier_share=0.01, outlier_factor=4.0))
    assert sum(each > 2.0 for each in found) / FRAMES == approx(0.01, rel=0.3)
    assert max(found) > 3.5


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('probability', [0.5, 0.95, 0.99])
def test_the_quantile_is_that_of_the_frames(kind, probability):
    # A drift of a short time constant, so that the sample covers it.
    changes = {'time_constant_s': 0.1} if kind == 'drift' else {}
    distribution = LatencyDistribution(kind, **changes)
    limit = distribution.quantile(probability, spread=0.05)
    below = sum(each <= limit for each in factors(distribution)) / FRAMES
    assert below == approx(probability, abs=0.01)


@pytest.mark.parametrize('kind', KINDS)
def test_frames_depend_on_the_seed_alone(kind):
    distribution = LatencyDistribution(kind)
    assert factors(distribution, frames=99) == factors(distribution, frames=99)
    assert factors(distribution, frames=99) != factors(distribution, frames=99, seed=1)


@pytest.mark.parametrize('kind', ['lognormal', 'bimodal', 'drift'])
def test_without_jitter_every_frame_takes_the_modelled_time(kind):
    assert set(factors(LatencyDistribution(kind), spread=0.0, frames=50)) == {1.0}
    assert LatencyDistribution(kind).quantile(0.95, spread=0.0) == approx(1.0)


@pytest.mark.parametrize(
    ('values', 'named'),
    [
        ({'kind': 'cauchy'}, "kind is 'cauchy'; expected one of lognormal"),
        ({'tail_shape': 2.0}, 'tail_shape is 2.0; expected only the keys kind with kind lognormal'),
        (
            {'kind': 'pareto', 'slow_share': 0.5},
            'slow_share is 0.5; expected only the keys kind, tail_share, tail_shape with',
        ),
        (
            {'kind': 'pareto', 'tail_share': 0.0},
            'tail_share is 0.0; expected a number above 0.0001 and',
        ),
        ({'kind': 'outliers', 'outlier_factor': -1.0}, 'outlier_factor is -1.0; expected'),
        ({'kind': 'pareto', 'tail_shape': math.inf}, 'tail_shape is inf; expected .* below 100'),
    ],
)
def test_a_wrong_parameter_is_named(values, named):
    with pytest.raises(PlatformError, match=named):
        LatencyDistribution(**values)
