import math

import numpy as np
import pytest

from dynofa_ros.runtime.estimation.frame_rate import ExponentialMean


def test_before_the_first_sample_it_is_unknown():
    assert math.isnan(ExponentialMean(0.1).mean(unknown=math.nan))


def test_it_learns_mean_and_standard_deviation():
    running = ExponentialMean(0.02)
    for sample in np.random.default_rng(3).normal(5.0, 0.5, 3000):
        running.add(sample)
    assert running.mean(unknown=0.0) == pytest.approx(5.0, abs=0.2)
    assert running.std() == pytest.approx(0.5, rel=0.3)
