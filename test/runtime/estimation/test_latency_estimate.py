# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""All processors of an application: what ran where, for how long, and what is kept."""

import math

import pytest

from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.estimation.latency_estimate import FORGET_S, LatencyEstimate


def learn(estimate, subnet_id='a', *, ratio=1.0, processor='gpu', frames=30, now_s=0.0):
    for _ in range(frames):
        estimate.observe(subnet_id, processor, ratio, noise_std=0.02, now_s=now_s)


def test_processors_are_independent():
    estimate = LatencyEstimate()
    learn(estimate, ratio=1.05)
    learn(estimate, ratio=0.97, processor='cpu')
    assert estimate.expected('a', 'gpu') == pytest.approx(1.05, abs=0.01)
    assert estimate.expected('a', 'cpu') == pytest.approx(0.97, abs=0.01)


def test_without_frames_the_profile_is_right_within_ten_percent():
    estimate = LatencyEstimate()
    assert estimate.slowdown('gpu').mean == estimate.expected('a', 'gpu') == 1.0
    assert estimate.corrections([('a', 'gpu')])['a', 'gpu'].std == pytest.approx(0.1)
    assert math.isnan(estimate.surprise('gpu'))


def test_only_a_silent_processor_is_forgotten():
    estimate = LatencyEstimate()
    for processor in ('gpu', 'cpu'):
        learn(estimate, processor=processor)
        learn(estimate, ratio=2.0, processor=processor)
    learn(estimate, ratio=2.0, processor='cpu', frames=1, now_s=98.0)
    estimate.forget(now_s=100.0, timeout_s=5.0)
    assert estimate.slowdown('gpu').mean == pytest.approx(1.0, abs=0.001)
    assert estimate.slowdown('cpu').mean == pytest.approx(2.0, rel=0.05)


def test_silence_counts_once():
    estimate = LatencyEstimate()
    learn(estimate)
    learn(estimate, ratio=2.0)
    before = math.log(estimate.slowdown('gpu').mean)
    for now_s in (5.0, 5.0, FORGET_S):
        estimate.forget(now_s=now_s, timeout_s=5.0)
    assert math.log(estimate.slowdown('gpu').mean) == pytest.approx(before / math.e)


def test_what_was_learned_survives_a_restart():
    first = LatencyEstimate()
    for name, ratio in (('a', 1.0), ('b', 1.5)) * 2:
        learn(first, name, ratio=ratio)
    second = LatencyEstimate(first.learned())
    assert second.expected('b', 'gpu') == pytest.approx(1.5, rel=0.15)
    learn(second, 'a')
    assert second.expected('b', 'gpu') == pytest.approx(1.5, rel=0.1)
    assert set(second.learned()) == {('a', 'gpu'), ('b', 'gpu')}


@pytest.mark.parametrize(
    ('inference_s', 'expected'), [(0.05, 1.0), (0.07, 1.0), (0.10, 1.0), (0.105, 1.05)]
)
def test_a_frame_while_the_frequency_changes_may_have_run_partly_at_each(
    make_point, inference_s, expected
):
    estimate = LatencyEstimate()
    points = [
        make_point('a', frequency_hz=hz, latency_s=latency_s)
        for hz, latency_s in ((1e9, 0.05), (0.5e9, 0.10))
    ]
    for _ in range(30):
        estimate.observe_frame(points, inference_s, now_s=0.0)
    assert estimate.expected('a', 'gpu') == pytest.approx(expected, rel=0.01)


def test_many_corrections_at_once_are_the_same_as_one_by_one():
    estimate = LatencyEstimate({('stored', 'gpu'): Correction(1.3, 0.05)})
    names = ('a', 'new', 'b', 'stored', 'a')
    for ran in ((), ('a',), ('b', 'a')):
        for name in ran:
            learn(estimate, name, ratio=1.5 if name == 'a' else 0.9)
        known = estimate.corrections((name, 'gpu') for name in names)
        means, stds = estimate.correction_arrays(names, 'gpu')
        assert means == pytest.approx([known[name, 'gpu'].mean for name in names])
        assert stds == pytest.approx([known[name, 'gpu'].std for name in names])
