# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""CIFAR-10 with a fake torchvision, which is not installed in the test environment."""

import importlib
import sys
import types

import numpy as np
import pytest

from dynofa_ros.offline.data.readers import Reader, load_dataset


class FakeCIFAR10:
    """The interface of torchvision.datasets.CIFAR10 that this package uses."""

    classes = ('airplane', 'automobile')
    on_disk = True
    network = True

    def __init__(self, root, train, download=False):
        if not (self.on_disk or download):
            raise RuntimeError('Dataset not found or corrupted.')
        if download and not self.network:
            raise OSError('no network')
        count = 6 if train else 4
        self.data = np.zeros((count, 32, 32, 3), np.uint8)
        self.data[..., 0] = 7
        self.targets = [i % 2 for i in range(count)]


@pytest.fixture
def cifar10(monkeypatch):
    datasets = types.ModuleType('torchvision.datasets')
    datasets.CIFAR10 = type('CIFAR10', (FakeCIFAR10,), {})
    monkeypatch.setitem(sys.modules, 'torchvision', types.ModuleType('torchvision'))
    monkeypatch.setitem(sys.modules, 'torchvision.datasets', datasets)
    return datasets.CIFAR10


@pytest.mark.usefixtures('cifar10')
def test_it_has_training_and_test_images_in_rgb():
    given = Reader().given('cifar10:folder', None)
    train, test = given.train, given.test
    assert (len(train), len(test)) == (6, 4)
    assert train.labels == ('airplane', 'automobile')
    assert train.classes.tolist() == [0, 1] * 3
    assert train.images[0, :, 0, 0].tolist() == [7, 0, 0]
    assert train.image(0)[0, 0].tolist() == [0, 0, 7]


@pytest.mark.usefixtures('cifar10')
def test_test_images_may_come_from_elsewhere(write_images, tmp_path):
    folder = write_images(tmp_path / 'x', sizes=[(32, 32)], classes=FakeCIFAR10.classes)
    given = Reader().given('cifar10:x', str(folder))
    assert (len(given.train), len(given.test)) == (6, 2)


@pytest.mark.parametrize('on_disk', [True, False], ids=['on disk', 'downloaded'])
def test_a_data_set_named_cifar10_is_the_test_images(cifar10, on_disk):
    cifar10.on_disk = on_disk
    assert len(load_dataset('cifar10:folder')) == 4


def test_a_failed_download_is_reported(cifar10):
    cifar10.on_disk = cifar10.network = False
    with pytest.raises(ValueError, match='cannot be downloaded: no network'):
        load_dataset('cifar10:folder')


def test_a_folder_is_required():
    with pytest.raises(ValueError, match='cifar10: names no folder'):
        load_dataset('cifar10:')


@pytest.mark.parametrize(
    'failure',
    [ImportError("No module named 'torchvision'"), RuntimeError('torchvision::nms does not exist')],
    ids=['missing', 'built for another torch'],
)
def test_without_torchvision_the_error_explains_how_to_install_it(monkeypatch, failure):
    def fail(name, *arguments):
        raise failure

    monkeypatch.setattr(importlib, 'import_module', fail)
    with pytest.raises(ValueError, match='pip install torch torchvision') as error:
        load_dataset('cifar10:folder')
    assert str(failure) in str(error.value)
