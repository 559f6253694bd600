# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import shutil
from dataclasses import replace

import pytest
import torch

from dynofa_ros.offline.training.images import (
    check_indices,
    fitting_batch_size,
    load_images,
)


def load(folder, test=None, held_out=None):
    return load_images(str(folder), test, held_out=held_out, seed=0)


def test_a_folder_of_classes_alone_gives_a_tenth_of_each_as_test_images(write_images, tmp_path):
    images = load(write_images(tmp_path / 'set', sizes=((12, 12),) * 20))
    assert images.test.classes.tolist() == [0, 0, 1, 1, 2, 2]
    assert images.held_out.classes.tolist() == [0, 0, 1, 1, 2, 2]
    assert len(images.training) == 48
    assert images.labels == ('cat', 'dog', 'ship')


def test_test_images_are_named_or_lie_beside_the_training_images(write_images, tmp_path):
    write_images(tmp_path / 'set' / 'train')
    test = write_images(tmp_path / 'set' / 'val', sizes=((12, 12),) * 3, seed=1)
    for images in (load(tmp_path / 'set'), load(tmp_path / 'set' / 'train', str(test))):
        assert (len(images.training), len(images.held_out), len(images.test)) == (21, 3, 9)


def test_test_images_that_are_the_training_images_are_split_off_instead(write_images, tmp_path):
    data = write_images(tmp_path / 'set', sizes=((12, 12),) * 20)
    images, without = load(data, str(data)), load(data)
    for part in ('training', 'held_out', 'test'):
        assert getattr(images, part).fingerprint() == getattr(without, part).fingerprint()


def test_training_images_that_are_test_images_too_are_not_trained_on(write_images, tmp_path):
    data = write_images(tmp_path / 'set', sizes=((12, 12),) * 20)
    test = write_images(tmp_path / 'test', sizes=((12, 12),) * 20, seed=1)
    shutil.copy(data / 'cat' / '3.png', test / 'cat' / 'copy.png')
    images = load(data, str(test))
    assert not torch.isin(images.training.digests, images.test.digests).any()
    assert (len(images.training) + len(images.held_out), len(images.test)) == (59, 61)


def test_validation_images_contradict_a_number_of_held_out_images(write_images, tmp_path):
    for seed, part in enumerate(('train', 'val', 'test')):
        write_images(tmp_path / 'set' / part, seed=seed)
    assert load(tmp_path / 'set').method == 'given'
    with pytest.raises(
        ValueError, match=r'held-out is 0.1; expected none, because .* has validation'
    ):
        load(tmp_path / 'set', held_out=0.1)


@pytest.mark.parametrize('division', ['', 'train'])
def test_a_single_class_is_refused(write_images, tmp_path, division):
    write_images(tmp_path / 'set' / division, classes=('cat',))
    if division:
        write_images(tmp_path / 'set' / 'val', classes=('cat',))
    with pytest.raises(ValueError, match='has one class, cat; expected 2 or more'):
        load(tmp_path / 'set')


def test_classes_with_fewer_than_two_images_are_named(write_images, tmp_path):
    write_images(tmp_path / 'set')
    write_images(tmp_path / 'set', sizes=((12, 12),), classes=('bee', 'cow'))
    with pytest.raises(ValueError, match='fewer than 2 images of bee, cow; expected 2 or more of'):
        load(tmp_path / 'set')


def test_a_label_outside_of_the_classes_is_named(write_images, tmp_path):
    write_images(tmp_path / 'set' / 'train')
    write_images(tmp_path / 'set' / 'val', classes=('cat', 'wolf'))
    with pytest.raises(ValueError, match='has classes wolf; expected cat, dog, ship'):
        load(tmp_path / 'set')


def test_an_index_outside_of_the_classes_is_named(thumbnails):
    data = replace(thumbnails(), labels=(), classes=torch.tensor([0, 12] * 12))
    check_indices(data, 'set', 13)
    with pytest.raises(ValueError, match='set has class 12; expected 0 to 11'):
        check_indices(data, 'set', 12)


@pytest.mark.parametrize(
    ('images', 'processes', 'expected'),
    [(50_000, 1, 128), (1024, 1, 128), (96, 1, 12), (3, 1, 2), (96, 5, 10), (8, 4, 4)],
)
def test_the_default_batch_leaves_eight_steps_per_epoch(images, processes, expected):
    assert fitting_batch_size(128, images, processes) == expected
