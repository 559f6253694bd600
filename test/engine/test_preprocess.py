# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from dynofa_ros.engine.preprocess import Preprocessor

PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def painted(height, width, bgr):
    return np.full((height, width, 3), bgr, np.uint8)


def test_channels_are_converted_to_rgb():
    x = Preprocessor(8, *PLAIN)(painted(8, 8, (10, 20, 30)))
    np.testing.assert_allclose(x[0, :, 0, 0], np.array([30, 20, 10]) / 255, rtol=1e-6)


def test_each_channel_is_normalised_by_its_mean_and_standard_deviation():
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.1, 0.5)
    x = Preprocessor(8, mean, std)(painted(8, 8, (51, 102, 204)))
    rgb = np.array([204, 102, 51]) / 255
    np.testing.assert_allclose(x[0, :, 3, 5], (rgb - mean) / std, rtol=1e-5, atol=1e-6)


def test_the_input_is_one_float32_image_of_the_resolution():
    x = Preprocessor(20, *PLAIN)(painted(48, 64, (1, 2, 3)))
    assert (x.shape, x.dtype) == ((1, 3, 20, 20), np.float32)


@pytest.mark.parametrize('upright', [False, True], ids=['wide', 'tall'])
def test_the_centre_square_of_an_oblong_image_is_used(upright):
    image = painted(40, 120, (255, 0, 0))
    image[:, 40:80] = (0, 0, 255)
    image = image.transpose(1, 0, 2) if upright else image
    x = Preprocessor(20, *PLAIN)(image)
    np.testing.assert_allclose(x[0, 0], 1, rtol=1e-6)
    np.testing.assert_array_equal(x[0, 2], 0)


def test_the_orientation_is_preserved():
    image = painted(64, 64, (0, 0, 0))
    image[:32, :32] = 255
    x = Preprocessor(16, *PLAIN)(image)[0, 0]
    assert (x[:8, :8].min(), x[8:].max(), x[:, 8:].max()) == (pytest.approx(1), 0, 0)


def test_shrinking_averages_all_pixels():
    stripes = painted(64, 64, (0, 0, 0))
    stripes[:, ::2] = 255
    np.testing.assert_allclose(Preprocessor(32, *PLAIN)(stripes), 0.5, atol=0.01)


@pytest.mark.parametrize('size', [(1, 1), (2, 5), (3, 3)])
def test_a_tiny_image_is_enlarged(size):
    x = Preprocessor(20, *PLAIN)(painted(*size, (51, 51, 51)))
    np.testing.assert_allclose(x, 0.2, rtol=1e-6)


def test_an_image_with_padded_rows_is_read_correctly():
    memory = np.full((16, 64), 255, np.uint8)
    view = np.ndarray((16, 16, 3), np.uint8, memory, strides=(64, 3, 1))
    view[:] = 51
    np.testing.assert_allclose(Preprocessor(8, *PLAIN)(view), 0.2, rtol=1e-6)


@pytest.mark.parametrize('size', [(64, 80), (127, 300), (128, 128), (257, 129), (480, 640)])
def test_halving_a_large_image_gives_nearly_the_same_as_a_single_step(size):
    """Halving changes rounding, and up to 3 pixels at the border."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
    image = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    side = min(size)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    square = image[top : top + side, left : left + side]
    expected = cv2.resize(square, (16, 16), interpolation=cv2.INTER_AREA)[..., ::-1] / 255.0
    x = Preprocessor(16, *PLAIN)(image)[0].transpose(1, 2, 0)
    assert np.abs(x - expected).mean() < 0.02


def test_memory_of_a_released_input_is_reused():
    preprocess = Preprocessor(8, *PLAIN)
    addresses = {preprocess(painted(8, 8, (1, 2, 3))).ctypes.data for _ in range(10)}
    assert len(addresses) == 1


def test_an_input_in_use_is_not_overwritten():
    preprocess = Preprocessor(8, *PLAIN)
    kept = [preprocess(painted(8, 8, (value,) * 3)) for value in (0, 51, 255)]
    assert [round(float(each.mean()), 3) for each in kept] == [0, 0.2, 1]


def test_threads_can_share_a_preprocessor():
    preprocess = Preprocessor(16, *PLAIN)
    images = {value: painted(40, 60, (value,) * 3) for value in range(0, 250, 25)}

    def mean(value):
        return float(preprocess(images[value]).mean())

    with ThreadPoolExecutor(4) as pool:
        values = list(images) * 20
        for value, found in zip(values, pool.map(mean, values), strict=True):
            assert found == pytest.approx(value / 255, abs=1e-6)
