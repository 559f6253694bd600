# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The observed share of frames that leave the first stage of a cascade."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dynofa_ros.runtime import Cascade
from dynofa_ros.runtime.estimation.escalation import (
    ENOUGH_FRAMES,
    EXPIRED_S,
    FRAMES,
    EscalationEstimate,
)

CASCADE = Cascade('s+l', ('s', 'l'), (0.74,), (0.34,), 0.865, (0.95, 0.75), (0.55,), 2500)


class Scene:
    """Frames whose scores are below the threshold with a probability."""

    def __init__(self, *cascades, seed=0):
        self.estimate = EscalationEstimate(cascades or (CASCADE,))
        self.rng, self.now_s = np.random.default_rng(seed), 0.0

    def show(self, share, *, frames=FRAMES, stage='s', lasting=1):
        """Show frames, each picture for so many frames in a row."""
        for _ in range(frames // lasting):
            hard = self.rng.random() < share
            score = self.rng.uniform(0.0, 0.74) if hard else self.rng.uniform(0.74, 1.0)
            for _ in range(lasting):
                self.now_s += 0.033
                noisy = min(max(score + self.rng.normal(0.0, 1e-3), 0.0), 1.0)
                self.estimate.observe(stage, noisy, now_s=self.now_s)
        return self.estimate.escalations().get('s+l')


def test_before_any_frame_nothing_is_known():
    assert EscalationEstimate((CASCADE,)).escalations() == {}


def test_a_scene_as_measured_raises_no_doubt():
    for seed in range(20):
        found = Scene(seed=seed).show(0.34)
        assert found.doubt == ''
        assert found.observed == pytest.approx(0.34, abs=0.1)
        assert found.reached[0] == pytest.approx(0.34, abs=0.05)


def test_a_harder_scene_is_doubted_and_the_observed_share_counts():
    found = Scene().show(0.61)
    percent = f'{found.observed:.0%}'.replace('%', ' %')
    assert found.doubt == (
        'the scene is harder than the images the thresholds were chosen on: '
        f'{percent} of frames are escalated, 34 % were'
    )
    assert found.reached == (found.observed,)
    assert found.observed == pytest.approx(0.61, abs=0.08)


def test_so_is_an_easier_one():
    assert Scene().show(0.05).doubt.startswith('the scene is easier than the images')


def test_few_frames_tell_little():
    found = Scene().show(1.0, frames=ENOUGH_FRAMES - 1)
    assert found.doubt == ''
    assert math.isnan(found.observed)
    assert 0.34 < found.reached[0] < 0.5


def test_frames_that_show_the_same_picture_count_as_few():
    """Eight pictures, seven of them hard, are no evidence; 400 are."""
    assert Scene().show(0.9, lasting=50).doubt == ''
    assert Scene().show(0.9).doubt != ''


def test_a_still_picture_is_no_evidence():
    scene = Scene()
    for _ in range(FRAMES):
        scene.estimate.observe('s', 0.2, now_s=0.0)
    found = scene.estimate.escalations()['s+l']
    assert found.doubt == ''
    assert found.observed == 1.0
    assert found.reached[0] > 0.7  # its next frames will be escalated as well


def test_a_doubt_ends_when_the_scene_is_as_measured_again():
    scene = Scene()
    assert scene.show(0.61).doubt
    assert scene.show(0.34).doubt == ''


def test_a_doubt_does_not_flicker():
    scene = Scene()
    scene.show(0.61)
    assert all(scene.show(0.45, frames=20).doubt for _ in range(60))
    assert Scene().show(0.45).doubt == ''  # which would not have begun it


def test_every_cascade_with_this_first_stage_learns_from_a_frame():
    other = replace(CASCADE, cascade_id='s+m', stages=('s', 'm'), thresholds=(0.5,), reached=(0.2,))
    stranger = replace(CASCADE, cascade_id='m+l', stages=('m', 'l'))
    scene = Scene(CASCADE, other, stranger)
    scene.show(0.34)
    assert scene.estimate.escalations().keys() == {'s+l', 's+m'}
    scores_below = scene.estimate.escalations()['s+m'].observed
    assert scores_below == pytest.approx(0.34 * 0.5 / 0.74, abs=0.08)


def test_scores_of_other_sub_networks_and_unknown_scores_tell_nothing():
    scene = Scene()
    scene.show(0.9, stage='l')
    scene.estimate.observe('s', math.nan, now_s=0.0)
    assert scene.estimate.escalations() == {}


def test_a_third_stage_is_reached_in_proportion():
    three = replace(
        CASCADE,
        stages=('s', 'm', 'l'),
        thresholds=(0.74, 0.8),
        reached=(0.34, 0.17),
        answer_accuracy=(0.9, 0.8, 0.7),
        early_accuracy=(0.5, 0.6),
    )
    second, third = Scene(three).show(0.61).reached
    assert third == pytest.approx(second / 2)


def test_scores_expire():
    scene = Scene()
    scene.show(0.61)
    scene.estimate.forget(now_s=scene.now_s + EXPIRED_S - 1.0)
    assert scene.estimate.escalations()
    scene.estimate.forget(now_s=scene.now_s + EXPIRED_S)
    assert scene.estimate.escalations() == {}


def test_a_share_that_no_image_measured_is_never_doubted():
    assert Scene(replace(CASCADE, images=0)).show(0.9).doubt == ''
