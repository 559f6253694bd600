import io
import tarfile

import cv2
import numpy as np
import pytest
import torch

from dynofa_ros.offline.dataset import Dataset, load_dataset

# In the order of the alphabet, which is not that of creation.
BGR = {'ship': (200, 10, 10), 'cat': (10, 200, 10), 'dog': (10, 10, 200)}


def png(bgr, size=8):
    return cv2.imencode('.png', np.full((size, size, 3), bgr, np.uint8))[1].tobytes()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / 'images'
    for name, bgr in BGR.items():
        (path / name).mkdir(parents=True)
        for number in range(2):
            (path / name / f'{number}.png').write_bytes(png(bgr))
    return path


def pack(files, path):
    with tarfile.open(path, 'w:gz') as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def test_a_folder_names_a_class(folder):
    data = load_dataset(folder)
    assert data.labels == ('cat', 'dog', 'ship')
    assert data.classes.tolist() == [0, 0, 1, 1, 2, 2]


def test_images_are_rgb_bytes(folder):
    data = load_dataset(folder)
    assert (data.images.shape, data.images.dtype) == ((6, 3, 8, 8), torch.uint8)
    assert data.images[-1, :, 0, 0].tolist() == [10, 10, 200]


def test_a_tar_file_is_read_like_its_folder(folder, tmp_path):
    files = {f'x/{f.relative_to(folder)}': f.read_bytes() for f in folder.glob('*/*')}
    from_tar, from_folder = load_dataset(pack(files, tmp_path / 'x.tgz')), load_dataset(folder)
    assert torch.equal(from_tar.images, from_folder.images)
    assert from_tar.labels == from_folder.labels


def test_what_is_no_image_file_is_passed_over(folder):
    (folder / 'cat' / 'LICENSE.txt').write_text('mine')
    (folder / 'index.png').write_bytes(png((0, 0, 0)))
    assert len(load_dataset(folder)) == 6


def test_an_image_outside_of_a_class_folder_of_a_tar_file_is_passed_over(tmp_path):
    files = {'index.png': png((0, 0, 0)), 'cat/1.png': png((0, 0, 0))}
    assert load_dataset(pack(files, tmp_path / 'x.tar')).labels == ('cat',)


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'none\.tar does not exist'):
        load_dataset(tmp_path / 'none.tar')


@pytest.mark.parametrize('content', [b'\xff\xd8\xff not a photo', b''], ids=['damaged', 'empty'])
def test_an_image_that_does_not_decode_is_named(folder, content):
    (folder / 'dog' / '7.jpg').write_bytes(content)
    with pytest.raises(ValueError, match=r'dog/7\.jpg is not an image'):
        load_dataset(folder)


def test_an_image_of_another_size_is_named(folder):
    (folder / 'dog' / '7.png').write_bytes(png((0, 0, 0), size=9))
    with pytest.raises(ValueError, match=r'dog/7\.png is \(9, 9, 3\); the first is \(8, 8, 3\)'):
        load_dataset(folder)


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(ValueError, match='holds no images in folders named by class'):
        load_dataset(tmp_path)


def test_what_is_no_tar_file_is_named(tmp_path):
    (tmp_path / 'x.tar').write_text('hello')
    with pytest.raises(ValueError, match=r'x\.tar is no folder and no whole tar file'):
        load_dataset(tmp_path / 'x.tar')


def test_a_tar_file_that_is_cut_off_is_named(tmp_path):
    noise = np.random.default_rng(0).bytes(5000)
    file = pack({'cat/1.png': png((0, 0, 0)), 'cat/2.png': noise}, tmp_path / 'x.tgz')
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r'x\.tgz is no folder and no whole tar file'):
        load_dataset(file)


@pytest.fixture
def numbered():
    images = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 3, 2, 2)
    return Dataset(images, torch.arange(10), tuple('abcdefghij'))


def test_a_split_has_every_image_once(numbered):
    rest, held_out = numbered.split(3, seed=0)
    assert (len(rest), len(held_out)) == (7, 3)
    assert sorted(torch.cat([rest.classes, held_out.classes]).tolist()) == list(range(10))


def test_a_split_keeps_images_and_classes_together(numbered):
    for part in numbered.split(3, seed=0):
        assert torch.equal(part.images[:, 0, 0, 0].long(), part.classes)


def test_a_split_is_drawn_by_its_seed(numbered):
    def held_out(seed):
        return numbered.split(3, seed=seed)[1].classes.tolist()

    assert held_out(0) == held_out(0) != held_out(1)


@pytest.mark.parametrize('held_out', [0, 10, -1])
def test_a_split_with_an_empty_part_is_refused(numbered, held_out):
    with pytest.raises(ValueError, match=f'held out are {held_out} images; allowed: 1 to 9'):
        numbered.split(held_out, seed=0)


def test_the_first_are_all_if_there_are_fewer(numbered):
    assert numbered.first(3).classes.tolist() == [0, 1, 2]
    assert len(numbered.first(99)) == 10
