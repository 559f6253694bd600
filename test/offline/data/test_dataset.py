# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch

from dynofa_ros.offline.data.dataset import (
    DecodedImages,
    class_indices,
    random_subset,
)
from dynofa_ros.offline.data.readers import load_dataset

LETTERS = tuple('abcdefghij')


@pytest.fixture(params=['decoded', 'encoded'])
def data(request, write_images, tmp_path):
    sizes = [(8, 8)] * 4 if request.param == 'decoded' else [(8, 9)] * 4
    return load_dataset(write_images(tmp_path / 'x', sizes=sizes))


@pytest.fixture
def numbered():
    """Ten images, each of its own class."""
    images = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 3, 2, 2)
    return DecodedImages(images, torch.arange(10), LETTERS)


def test_a_subset_is_drawn_at_random_without_replacement(numbered):
    classes = random_subset(numbered, 5).classes.tolist()
    assert len(set(classes)) == 5
    assert classes != list(range(5))


def test_a_subset_larger_than_the_data_has_all_images(numbered):
    assert sorted(random_subset(numbered, 99).classes.tolist()) == list(range(10))


def test_a_fingerprint_identifies_images_and_classes(data):
    assert data.fingerprint() == data.subset(torch.arange(12)).fingerprint()
    assert data.fingerprint() != data.subset(torch.arange(11)).fingerprint()
    assert data.fingerprint() != replace(data, classes=data.classes.flip(0)).fingerprint()


def test_a_pixel_changes_the_fingerprint(numbered):
    images = numbered.images.clone()
    images[3, 1, 0, 1] += 1
    assert replace(numbered, images=images).fingerprint() != numbered.fingerprint()


def test_classes_are_matched_by_name(numbered):
    data = replace(numbered, classes=torch.tensor([0, 2] * 5), labels=('ship', 'x', 'cat'))
    assert class_indices(data, ('cat', 'dog', 'ship', 'x'), what='data').tolist() == [2, 0] * 5


def test_classes_without_names_are_indices(numbered):
    data = replace(numbered, labels=())
    assert class_indices(data, LETTERS, what='data').tolist() == list(range(10))


@pytest.mark.parametrize(
    ('labels', 'known', 'message'),
    [
        (tuple('abcdefghiz'), LETTERS, 'photos has classes z; expected a, b'),
        ((), ('a', 'b', 'c'), 'photos has class 9; expected 0 to 2'),
    ],
)
def test_an_unknown_class_is_named(numbered, labels, known, message):
    with pytest.raises(ValueError, match=message):
        class_indices(replace(numbered, labels=labels), known, what='photos')
