from dataclasses import replace

import pytest
import torch

from dynofa_ros.offline.data.dataset import (
    DecodedImages,
    class_indices,
    random_split,
    random_subset,
)
from dynofa_ros.offline.data.readers import load_dataset


@pytest.fixture(params=['decoded', 'encoded'])
def data(request, write_images, tmp_path):
    sizes = [(8, 8)] * 4 if request.param == 'decoded' else [(8, 9)] * 4
    return load_dataset(write_images(tmp_path / 'x', sizes=sizes))


def numbered():
    images = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 3, 2, 2)
    return DecodedImages(images, torch.arange(10), tuple('abcdefghij'))


def test_a_split_has_every_image_once():
    rest, held_out = random_split(numbered(), 3, seed=0)
    assert (len(rest), len(held_out)) == (7, 3)
    assert sorted(torch.cat([rest.classes, held_out.classes]).tolist()) == list(range(10))


def test_a_split_keeps_images_and_classes_together(data):
    for part in random_split(data, 5, seed=0):
        for index, of_class in enumerate(part.classes.tolist()):
            assert part.image(index).mean((0, 1)).argmax() == of_class


def test_a_split_is_drawn_by_its_seed():
    def held_out(seed):
        return random_split(numbered(), 3, seed=seed)[1].classes.tolist()

    assert held_out(0) == held_out(0) != held_out(1)


@pytest.mark.parametrize('held_out', [0, 10, -1])
def test_a_split_with_an_empty_part_is_refused(held_out):
    with pytest.raises(ValueError, match=f'held out are {held_out} images; expected 1 to 9'):
        random_split(numbered(), held_out, seed=0)


def test_what_is_drawn_comes_from_all_over():
    assert len(set(random_subset(numbered(), 5).classes.tolist())) == 5
    assert random_subset(numbered(), 5).classes.tolist() != list(range(5))


def test_drawn_are_all_if_there_are_fewer():
    assert sorted(random_subset(numbered(), 99).classes.tolist()) == list(range(10))


def test_a_fingerprint_is_that_of_images_and_classes(data):
    assert data.fingerprint() == data.subset(torch.arange(12)).fingerprint()
    assert data.fingerprint() != data.subset(torch.arange(11)).fingerprint()
    assert data.fingerprint() != replace(data, classes=data.classes.flip(0)).fingerprint()


def test_a_pixel_changes_the_fingerprint():
    data, images = numbered(), numbered().images.clone()
    images[3, 1, 0, 1] += 1
    assert replace(data, images=images).fingerprint() != data.fingerprint()


def test_classes_are_matched_by_name():
    data = replace(numbered(), classes=torch.tensor([0, 2] * 5), labels=('ship', 'x', 'cat'))
    known = ('cat', 'dog', 'ship', 'x')
    assert class_indices(data, known, what='data').tolist() == [2, 0] * 5


def test_a_class_that_is_not_known_is_named():
    data = replace(numbered(), labels=tuple('abcdefghiz'))
    with pytest.raises(ValueError, match='photos has classes z; known are a, b'):
        class_indices(data, tuple('abcdefghij'), what='photos')


def test_classes_without_names_are_indices():
    data = replace(numbered(), labels=())
    assert class_indices(data, tuple('abcdefghij'), what='data').tolist() == list(range(10))
    with pytest.raises(ValueError, match='photos has class 9; known are 0 to 2'):
        class_indices(data, ('a', 'b', 'c'), what='photos')
