# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Cascades as operating points."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dynofa_ros.runtime import Cascade, CascadePoint, OperatingPoint, Profile

CASCADE = Cascade('s+l', ('s', 'l'), (0.8,), (0.25,), 0.9, (0.95, 0.75), (0.5,), 2500)
SMALL = OperatingPoint('s', 'torch', 'cpu', 2, 1e9, 0.01, 0.001, 0.1, 0.8, 100, 10)
LARGE = OperatingPoint('l', 'torch', 'cpu', 2, 1e9, 0.04, 0.002, 0.5, 0.9, 500, 40)


def test_a_cascade_costs_what_a_mean_image_costs():
    point = CascadePoint.of(CASCADE, (SMALL, LARGE))
    assert point.key == ('s+l', 'torch', 'cpu', 2)
    assert point.latency_s == pytest.approx(0.01 + 0.25 * 0.04)
    assert point.energy_j == pytest.approx(0.1 + 0.25 * 0.5)
    assert point.flops == 100 + 0.25 * 500
    assert (point.parameters, point.accuracy) == (50, 0.9)


def test_its_deviation_is_that_of_the_images():
    rng = np.random.default_rng(0)
    escalated = rng.random(200_000) < 0.25
    latency_s = rng.normal(0.01, 0.001, 200_000) + escalated * rng.normal(0.04, 0.002, 200_000)
    point = CascadePoint.of(CASCADE, (SMALL, LARGE))
    assert point.latency_std_s == pytest.approx(latency_s.std(), rel=0.01)


def test_other_shares_than_measured():
    point = CascadePoint.of(replace(CASCADE, reached=(0.5,)), (SMALL, LARGE))
    assert point.latency_s == pytest.approx(0.03)


def test_a_cascade_exists_where_all_its_stages_do():
    gpu = replace(SMALL, processor='gpu')
    slow = [replace(each, frequency_hz=math.nan) for each in (SMALL, LARGE)]
    points = (SMALL, LARGE, gpu, *slow)
    profile = Profile('camera', '', '', '', '', points, cascades=(CASCADE,))
    found = [each for each in profile.every_point if isinstance(each, CascadePoint)]
    assert [(each.processor, each.frequency_hz) for each in found[:1]] == [('cpu', 1e9)]
    assert len(found) == 2
    assert math.isnan(found[1].frequency_hz)
    assert profile.at(('s+l', 'torch', 'cpu', 2), 1e9) == found[0]
    assert profile.subnet_ids == ('l', 's', 's+l')
    assert profile.without_cascades().subnet_ids == ('l', 's')


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'stages': ('s',)}, 'stages holds 1 sub-networks; expected 2 to 3'),
        ({'stages': ('s', 's')}, 'stages is s, s; expected each sub-network once'),
        ({'thresholds': (0.5, 0.6)}, 'thresholds holds 2 values; expected 1'),
        ({'thresholds': (1.5,)}, 'thresholds is 1.5; expected 0 to 1'),
        ({'reached': (math.nan,)}, 'reached is nan; expected 0 to 1'),
        ({'accuracy': math.nan}, 'accuracy is nan; expected 0 to 1'),
        ({'early_accuracy': ()}, 'early_accuracy holds 0 values; expected 1'),
        ({'cascade_id': ''}, 'cascade_id is empty; expected a name'),
    ],
)
def test_a_damaged_cascade_is_refused_by_name(change, text):
    with pytest.raises(ValueError, match=r"^cascade '(s\+l)?': ") as error:
        replace(CASCADE, **change)
    assert text in str(error.value)


def test_later_stages_are_reached_by_fewer_images():
    with pytest.raises(ValueError, match=r'reached is \[0\.2, 0\.3\]; expected descending shares'):
        Cascade('c', ('a', 'b', 'c'), (0.5, 0.5), (0.2, 0.3), 0.9, (0.9,) * 3, (0.5,) * 2)


def test_the_shares_of_the_stages_add_up():
    three = Cascade('c', ('a', 'b', 'c'), (0.5, 0.5), (0.3, 0.1), 0.9, (0.9,) * 3, (0.5,) * 2)
    assert three.answered == pytest.approx((0.7, 0.2, 0.1))


def test_a_name_that_is_taken_is_refused():
    taken = replace(CASCADE, cascade_id='s')
    with pytest.raises(ValueError, match="cascades holds 's'; expected a name that no sub-network"):
        Profile('camera', '', '', '', '', (SMALL, LARGE), cascades=(taken,))
