# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from dynofa_ros.offline.data.augmentation import DRAWS, random_resized_crop, shift_and_flip


def random_draws(seed=0, count=32):
    return torch.rand(count, DRAWS, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def images():
    rng = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (32, 3, 12, 12), generator=rng, dtype=torch.uint8)


def test_augmentation_depends_only_on_the_draws(images):
    first, again, other = (shift_and_flip(images, random_draws(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_augmenting_a_part_of_a_batch_gives_that_part_of_the_augmented_batch(images):
    whole = shift_and_flip(images, random_draws())
    assert torch.equal(shift_and_flip(images[1::2], random_draws()[1::2]), whole[1::2])


def test_augmentation_keeps_the_size_and_does_not_modify_its_input(images):
    before = images.clone()
    assert shift_and_flip(images, random_draws()).shape == images.shape
    assert torch.equal(images, before)


def shift_of(image, augmented, pad):
    """Return how far an image was shifted, and whether it was flipped."""
    padded = torch.nn.functional.pad(image[None].float(), (pad,) * 4, mode='reflect')[0]
    size = image.shape[-1]
    for dy in range(2 * pad + 1):
        for dx in range(2 * pad + 1):
            window = padded[:, dy : dy + size, dx : dx + size]
            for flipped in (False, True):
                if torch.equal(window.flip(2) if flipped else window, augmented):
                    return dy - pad, dx - pad, flipped
    return None


def test_each_image_is_shifted_and_half_of_them_are_flipped(images):
    augmented = shift_and_flip(images, random_draws(), pad=2)
    shifts = [shift_of(*pair, pad=2) for pair in zip(images, augmented, strict=True)]
    assert None not in shifts
    assert {dy for dy, _, _ in shifts} == {dx for _, dx, _ in shifts} == {-2, -1, 0, 1, 2}
    assert 8 <= sum(flipped for _, _, flipped in shifts) <= 24


def gradient(height, width):
    """An image whose first channel is the column and whose second channel is the row."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(width), np.arange(height)[:, None]
    return image


@pytest.mark.parametrize('size', [(40, 90), (90, 40), (5, 200), (1, 1)])
def test_a_random_crop_has_the_requested_side(size):
    for draws in random_draws().tolist():
        assert random_resized_crop(gradient(*size), draws, 16).shape == (16, 16, 3)


def test_the_largest_crop_of_a_square_is_the_whole_image():
    crop = random_resized_crop(gradient(64, 64), [1.0, 0.5, 0.5, 0.5, 1.0], 64)
    assert np.array_equal(crop, gradient(64, 64))


def test_the_smallest_crop_has_8_percent_of_the_area():
    crop = random_resized_crop(gradient(100, 100), [0.0, 0.5, 0.0, 0.0, 1.0], 28)
    assert crop.max() == 27


def test_the_last_draw_flips_a_crop():
    plain, flipped = (
        random_resized_crop(gradient(64, 64), [0.3, 0.2, 0.6, 0.1, last], 8) for last in (0.9, 0.1)
    )
    assert np.array_equal(plain[:, ::-1], flipped)


def test_crops_cover_the_whole_image():
    columns = [
        random_resized_crop(gradient(100, 100), draws, 8)[..., 0].mean()
        for draws in random_draws().tolist()
    ]
    assert min(columns) < 35
    assert max(columns) > 65
