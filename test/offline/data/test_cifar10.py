"""CIFAR-10 through a stand-in for torchvision, which is not installed here."""

import importlib
import sys
import types

import numpy as np
import pytest

from dynofa_ros.offline.data.readers import load_dataset, load_training_sets


class StandIn:
    """What this package uses of torchvision.datasets.CIFAR10."""

    classes = ('airplane', 'automobile')
    there = True
    network = True

    def __init__(self, root, train, download=False):
        if not (self.there or download):
            raise RuntimeError('Dataset not found or corrupted.')
        if download and not self.network:
            raise OSError('no network')
        self.root = root
        count = 6 if train else 4
        self.data = np.zeros((count, 32, 32, 3), np.uint8)
        self.data[..., 0] = 7
        self.targets = [i % 2 for i in range(count)]


@pytest.fixture
def torchvision(monkeypatch):
    datasets = types.ModuleType('torchvision.datasets')
    datasets.CIFAR10 = type('CIFAR10', (StandIn,), {})
    monkeypatch.setitem(sys.modules, 'torchvision', types.ModuleType('torchvision'))
    monkeypatch.setitem(sys.modules, 'torchvision.datasets', datasets)
    return datasets.CIFAR10


def test_it_gives_training_and_test_images(torchvision):
    train, test = load_training_sets('cifar10:folder', None)
    assert (len(train), len(test)) == (6, 4)
    assert train.labels == ('airplane', 'automobile')
    assert train.classes.tolist() == [0, 1] * 3


def test_images_are_red_where_torchvisions_are(torchvision):
    train, _ = load_training_sets('cifar10:folder', None)
    assert train.images[0, :, 0, 0].tolist() == [7, 0, 0]
    assert train.image(0)[0, 0].tolist() == [0, 0, 7]


def test_a_data_set_of_this_name_is_the_test_images(torchvision):
    assert len(load_dataset('cifar10:folder')) == 4


def test_test_images_may_come_from_elsewhere(torchvision, write_images, tmp_path):
    folder = write_images(tmp_path / 'x', sizes=[(32, 32)], classes=StandIn.classes)
    assert [len(part) for part in load_training_sets('cifar10:x', str(folder))] == [6, 2]


def test_images_that_are_not_there_are_downloaded(torchvision):
    torchvision.there = False
    assert len(load_dataset('cifar10:folder')) == 4


def test_without_a_network_it_says_so(torchvision):
    torchvision.there = torchvision.network = False
    with pytest.raises(ValueError, match='cannot be downloaded: no network'):
        load_dataset('cifar10:folder')


def test_a_folder_must_be_named(torchvision):
    with pytest.raises(ValueError, match='cifar10: names no folder'):
        load_dataset('cifar10:')


@pytest.mark.parametrize(
    'failure',
    [ImportError("No module named 'torchvision'"), RuntimeError('torchvision::nms does not exist')],
    ids=['missing', 'of another build'],
)
def test_without_torchvision_it_says_how_to_get_it(monkeypatch, failure):
    def fail(name, *arguments):
        raise failure

    monkeypatch.setattr(importlib, 'import_module', fail)
    with pytest.raises(ValueError, match='pip install torch torchvision') as error:
        load_dataset('cifar10:folder')
    assert str(failure) in str(error.value)
