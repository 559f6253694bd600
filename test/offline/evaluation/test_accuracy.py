# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch import nn

from dynofa_ros.offline.data.dataset import DecodedImages
from dynofa_ros.offline.evaluation.accuracy import Accuracy, calibrated_top1, measure_accuracy


class Brightness(nn.Module):
    """Ranks class 0 first for dark images and class 1 for bright ones; 9 leads the others."""

    def forward(self, x):
        mean = x.mean((1, 2, 3))
        return torch.stack([-mean, mean, *(torch.full_like(mean, -9.0 + i) for i in range(8))], 1)


CLASSES = torch.arange(300) % 2
A_QUARTER_WRONG = torch.where(torch.arange(300) < 75, 1 - CLASSES, CLASSES)


@pytest.fixture
def measure(make_net):
    """Return a function that measures the accuracy on 300 dark and bright images."""
    images = torch.zeros(300, 3, 12, 12, dtype=torch.uint8)
    images[1::2] = 255
    data = DecodedImages(images, CLASSES, ('dark', 'bright'))
    return lambda **options: measure_accuracy(make_net(), Brightness(), data, 8, **options)


def test_top1_is_the_fraction_classified_correctly(measure):
    assert measure().top1 == 1.0


def test_top5_is_the_fraction_among_the_first_five(measure):
    for of_class, expected in ((9, 1.0), (7, 1.0), (6, 0.0)):
        found = measure(classes=torch.full((300,), of_class))
        assert (found.top1, found.top5) == (0.0, expected)


@pytest.mark.parametrize('options', [{}, {'batch_size': 7}, {'threads': 2}, {'batch_size': 1000}])
def test_batch_size_and_threads_do_not_change_the_accuracy(measure, options):
    assert measure(classes=A_QUARTER_WRONG, **options).top1 == 0.75


def test_progress_is_reported_per_batch(measure):
    done = []
    measure(report=done.append)
    assert done == [128, 256, 300]


@pytest.mark.parametrize(
    ('top1', 'images', 'low', 'high'),
    # Wilson's interval, computed by hand from the formula.
    [(0.5, 100, 0.4038, 0.5962), (0.9, 1000, 0.8799, 0.9171), (1.0, 10, 0.7225, 1.0)],
)
def test_the_interval_is_wilsons(top1, images, low, high):
    assert Accuracy(top1, 1, images, 1).interval == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize('keep', [True, False])
@pytest.mark.parametrize('family', ['tiny_mobilenet', 'tiny_transformer'])
def test_calibration_statistics_are_kept_on_request(make_net, thumbnails, family, keep):
    net, images = make_net(family).eval(), thumbnails()
    config = net.space.canonical(net.space.min_config())
    top1 = calibrated_top1(net, config, calibration=images, test=images, keep_statistics=keep)
    assert 0 <= top1 <= 1
    assert (config in net.statistics) == (keep and net.shares_batch_norm)
