import numpy as np
import pytest
import torch

from dynofa_ros.offline.data.augmentation import DRAWS, random_resized_crop, shift_and_mirror


def draws(seed, count=32):
    return torch.rand(count, DRAWS, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def images():
    rng = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (32, 3, 12, 12), generator=rng, dtype=torch.uint8)


def test_augmentation_depends_on_the_draws_alone(images):
    assert torch.equal(shift_and_mirror(images, draws(3)), shift_and_mirror(images, draws(3)))
    assert not torch.equal(shift_and_mirror(images, draws(3)), shift_and_mirror(images, draws(4)))


def test_augmentation_of_a_part_is_a_part_of_the_augmentation(images):
    whole = shift_and_mirror(images, draws(0))
    assert torch.equal(shift_and_mirror(images[1::2], draws(0)[1::2]), whole[1::2])


def test_augmentation_keeps_size_and_leaves_the_images_alone(images):
    before = images.clone()
    assert shift_and_mirror(images, draws(0)).shape == images.shape
    assert torch.equal(images, before)


def shift_and_mirroring(image, augmented, pad):
    """Return how far an image was shifted, and whether it was mirrored."""
    padded = torch.nn.functional.pad(image[None].float(), (pad,) * 4, mode='reflect')[0]
    size = image.shape[-1]
    for dy in range(2 * pad + 1):
        for dx in range(2 * pad + 1):
            window = padded[:, dy : dy + size, dx : dx + size]
            for mirrored in (False, True):
                if torch.equal(window.flip(2) if mirrored else window, augmented):
                    return dy - pad, dx - pad, mirrored
    return None


def test_each_image_is_shifted_and_half_of_them_are_mirrored(images):
    found = [
        shift_and_mirroring(*pair, pad=2)
        for pair in zip(images, shift_and_mirror(images, draws(0), pad=2), strict=True)
    ]
    assert None not in found
    assert {dy for dy, _, _ in found} == {dx for _, dx, _ in found} == {-2, -1, 0, 1, 2}
    assert 8 <= sum(mirrored for _, _, mirrored in found) <= 24


def gradient(height, width):
    """An image of which each pixel tells where it was: red its column, green its row."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(width), np.arange(height)[:, None]
    return image


@pytest.mark.parametrize('size', [(40, 90), (90, 40), (5, 200), (1, 1)])
def test_a_random_part_has_the_side_asked_for(size):
    for each in draws(0).tolist():
        assert random_resized_crop(gradient(*size), each, 16).shape == (16, 16, 3)


def test_the_largest_part_of_a_square_is_nearly_all_of_it():
    crop = random_resized_crop(gradient(64, 64), [1.0, 0.5, 0.5, 0.5, 1.0], 64)
    assert np.array_equal(crop, gradient(64, 64))


def test_the_smallest_part_has_8_percent_of_the_area():
    crop = random_resized_crop(gradient(100, 100), [0.0, 0.5, 0.0, 0.0, 1.0], 28)
    assert crop.max() == 27


def test_a_part_is_mirrored_by_the_last_draw():
    plain, mirrored = (
        random_resized_crop(gradient(64, 64), [0.3, 0.2, 0.6, 0.1, last], 8) for last in (0.9, 0.1)
    )
    assert np.array_equal(plain[:, ::-1], mirrored)


def test_parts_lie_all_over_the_image():
    columns = [
        random_resized_crop(gradient(100, 100), each, 8)[..., 0].mean()
        for each in draws(0).tolist()
    ]
    assert min(columns) < 35
    assert max(columns) > 65
