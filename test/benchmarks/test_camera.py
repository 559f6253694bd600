# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The camera of the benchmarks: its pictures, its rate, and the alternation of topics."""

import itertools

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures('ros')


@pytest.fixture(scope='module')
def camera(load):
    return load('camera')


def test_a_picture_is_smooth_but_not_flat_like_a_photograph(camera):
    made = camera.picture(640, 480, 0)
    assert made.shape == (480, 640, 3)
    assert made.std() > 20
    steps = np.abs(np.diff(made.astype(float), axis=1))
    assert steps.mean() < made.std() / 4
    assert not np.array_equal(made, camera.picture(640, 480, 1))


def test_a_raw_message_contains_the_pixels(camera):
    made = camera.picture(64, 48, 0)
    message = camera.image_message(made, jpeg=False)
    assert (message.height, message.width, message.step) == (48, 64, 192)
    assert bytes(message.data) == made.tobytes()


def test_a_compressed_message_decodes_to_nearly_the_same(camera):
    made = camera.picture(64, 48, 0)
    message = camera.image_message(made, jpeg=True)
    decoded = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(decoded.astype(int) - made).mean() < 10


def test_topics_alternate_block_by_block(camera):
    found = list(camera.blocks(2, 3, 2))
    assert found == [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (1, 2)]


def test_without_a_number_of_frames_blocks_never_end(camera):
    found = list(itertools.islice(camera.blocks(1, 0, 2), 5))
    assert found == [(0, index) for index in range(5)]


def test_a_delayed_camera_does_not_catch_up(camera, monkeypatch):
    now, slept = [100.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(camera.time, 'monotonic', lambda: now[0])
    monkeypatch.setattr(camera.time, 'sleep', sleep)
    pace = camera.Pace(10.0)
    pace.wait()
    pace.wait()
    now[0] += 0.35
    pace.wait()
    pace.wait()
    assert slept == pytest.approx([0, 0.1, 0, 0.1])
    assert pace.periods_s == pytest.approx([0.1, 0.1, 0.35, 0.1])
