import pytest
import torch
from torch import nn

from dynofa_ros.offline.dataset import Dataset
from dynofa_ros.offline.evaluate import calibrated_top1, input_batches, top1
from dynofa_ros.supernet import create_supernet


class Brightness(nn.Module):
    """Names class 0 for dark images and class 1 for bright ones."""

    def forward(self, x):
        mean = x.mean((1, 2, 3))
        return torch.stack([-mean, mean], 1)


@pytest.fixture(scope='module')
def net():
    torch.manual_seed(0)
    return create_supernet('ofa_mbv3_cifar10').eval()


@pytest.fixture
def data():
    images = torch.zeros(300, 3, 32, 32, dtype=torch.uint8)
    images[1::2] = 255
    return Dataset(images, torch.arange(300) % 2, ('dark', 'bright'))


def test_batches_hold_every_image_once_at_the_resolution(net, data):
    batches = list(input_batches(net, data, 24, size=128))
    assert [len(batch) for batch in batches] == [128, 128, 44]
    assert {batch.shape[1:] for batch in batches} == {(3, 24, 24)}


def test_top1_is_the_fraction_named_right(net, data):
    assert top1(net, Brightness(), data, 20) == 1.0
    swapped = torch.where(torch.arange(300) < 75, 1 - data.classes, data.classes)
    assert top1(net, Brightness(), Dataset(data.images, swapped, data.labels), 20) == 0.75


def test_calibrated_top1_leaves_statistics_of_the_subnet(net, data):
    config = net.space.canonical(net.space.min_config())
    accuracy = calibrated_top1(net, config, calibration=data, test=data)
    assert 0 <= accuracy <= 1
    assert config in net.statistics
