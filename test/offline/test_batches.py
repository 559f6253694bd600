import pytest
import torch

from dynofa_ros.offline.batches import augment, generator, network_input


def draw(*numbers):
    return torch.randint(0, 2**31, (4,), generator=generator(*numbers)).tolist()


def test_the_same_numbers_draw_the_same():
    assert draw(0, 1, 5) == draw(0, 1, 5)


@pytest.mark.parametrize('other', [(0, 1, 6), (0, 5, 1), (1, 1, 5), (1, 5), (0, 0, 1, 5)])
def test_other_numbers_draw_something_else(other):
    assert draw(0, 1, 5) != draw(*other)


@pytest.fixture
def images():
    pixels = torch.randint(0, 256, (32, 3, 12, 12), generator=generator(0), dtype=torch.uint8)
    return pixels


def test_augmentation_depends_on_the_generator_alone(images):
    assert torch.equal(augment(images, generator(3)), augment(images, generator(3)))
    assert not torch.equal(augment(images, generator(3)), augment(images, generator(4)))


def test_augmentation_keeps_size_and_leaves_the_images_alone(images):
    before = images.clone()
    assert augment(images, generator(0)).shape == images.shape
    assert torch.equal(images, before)


def shift_and_mirror(image, augmented, pad):
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
        shift_and_mirror(*pair, pad=2)
        for pair in zip(images, augment(images, generator(0), pad=2), strict=True)
    ]
    assert None not in found
    assert {dy for dy, _, _ in found} == {dx for _, dx, _ in found} == {-2, -1, 0, 1, 2}
    assert 8 <= sum(mirrored for _, _, mirrored in found) <= 24


def test_an_input_is_normalised_channel_by_channel():
    images = torch.tensor([255, 102, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 8, 8)
    x = network_input(images, 8, (0.5, 0.4, 0.3), (0.5, 0.25, 0.1))
    torch.testing.assert_close(x[1, :, 4, 4], torch.tensor([1.0, 0.0, -3.0]))


def test_an_input_has_the_resolution_asked_for(images):
    assert network_input(images, 20, (0.5,) * 3, (0.5,) * 3).shape == (32, 3, 20, 20)


def test_shrinking_averages():
    stripes = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    stripes[..., ::2] = 255
    x = network_input(stripes, 8, (0.0,) * 3, (1.0,) * 3)
    assert (x[..., 2:-2] - 0.5).abs().max() < 0.02


def test_an_input_is_channels_last_for_speed(images):
    x = network_input(images, 8, (0.5,) * 3, (0.5,) * 3)
    assert x.is_contiguous(memory_format=torch.channels_last)
