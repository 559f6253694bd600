import pytest
import torch
from torch import nn

from dynofa_ros.offline.data.dataset import DecodedImages
from dynofa_ros.offline.evaluation.accuracy import Accuracy, calibrated_top1, measure_accuracy


class Brightness(nn.Module):
    """Names class 0 for dark images and class 1 for bright ones; of the others 9 first."""

    def forward(self, x):
        mean = x.mean((1, 2, 3))
        return torch.stack([-mean, mean, *(torch.full_like(mean, -9.0 + i) for i in range(8))], 1)


@pytest.fixture
def data():
    images = torch.zeros(300, 3, 12, 12, dtype=torch.uint8)
    images[1::2] = 255
    return DecodedImages(images, torch.arange(300) % 2, ('dark', 'bright'))


def accuracy(net, data, **options):
    return measure_accuracy(net, Brightness(), data, 8, **options)


def test_top1_is_the_fraction_named_right(make_net, data):
    assert accuracy(make_net(), data).top1 == 1.0
    swapped = torch.where(torch.arange(300) < 75, 1 - data.classes, data.classes)
    assert accuracy(make_net(), data, classes=swapped).top1 == 0.75


def test_top5_is_the_fraction_named_among_the_first_five(make_net, data):
    for of_class, expected in ((9, 1.0), (7, 1.0), (6, 0.0)):
        found = accuracy(make_net(), data, classes=torch.full((300,), of_class))
        assert (found.top1, found.top5) == (0.0, expected)


@pytest.mark.parametrize('options', [{'batch_size': 7}, {'threads': 2}, {'batch_size': 1000}])
def test_batches_and_threads_change_nothing(make_net, data, options):
    swapped = torch.where(torch.arange(300) < 75, 1 - data.classes, data.classes)
    assert accuracy(make_net(), data, classes=swapped, **options).top1 == 0.75


def test_it_tells_how_many_are_done(make_net, data):
    told = []
    accuracy(make_net(), data, report=told.append)
    assert told == [128, 256, 300]


@pytest.mark.parametrize(
    ('top1', 'images', 'low', 'high'),
    # Wilson's interval, computed by hand from the formula.
    [(0.5, 100, 0.4038, 0.5962), (0.9, 1000, 0.8799, 0.9171), (1.0, 10, 0.7225, 1.0)],
)
def test_the_interval_is_wilsons(top1, images, low, high):
    assert Accuracy(top1, 1, images, 1).interval == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize('family', ['tiny_mobilenet', 'tiny_transformer'])
def test_calibrated_top1_leaves_statistics_of_the_subnet(make_net, thumbnails, family):
    net = make_net(family).eval()
    config = net.space.canonical(net.space.min_config())
    assert 0 <= calibrated_top1(net, config, calibration=thumbnails(), test=thumbnails()) <= 1
    assert (config in net.statistics) == net.shares_batch_norm
