import io
import tarfile

import cv2
import numpy as np
import pytest
import torch

from dynofa_ros.offline.data.dataset import DecodedImages, EncodedImages
from dynofa_ros.offline.data.readers import load_dataset, load_training_sets

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


def test_thumbnails_of_one_size_are_held_in_memory(folder):
    assert isinstance(load_dataset(folder), DecodedImages)


@pytest.mark.parametrize('shape', [(9, 9), (8, 20), (97, 97)])
def test_images_of_other_sizes_are_decoded_when_used(folder, shape):
    pixels = np.full((*shape, 3), (10, 10, 200), np.uint8)
    cv2.imwrite(str(folder / 'dog' / '7.png'), pixels)
    data = load_dataset(folder)
    assert isinstance(data, EncodedImages)
    assert len(data) == 7
    assert data.image(4).shape == (*shape, 3)
    assert data.image(4)[0, 0].tolist() == [10, 10, 200]


def test_images_of_any_size_are_read_from_a_tar_file(tmp_path):
    files = {'cat/1.png': png((0, 0, 0)), 'dog/1.png': png((9, 8, 7), size=30)}
    data = load_dataset(pack(files, tmp_path / 'x.tgz'))
    assert data.image(1)[0, 0].tolist() == [9, 8, 7]


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
def by_index(tmp_path):
    path = tmp_path / 'photos'
    (path / 'images').mkdir(parents=True)
    for name in ('a', 'b'):
        (path / 'images' / f'{name}.png').write_bytes(png((0, 0, 0)))
    (path / 'labels.csv').write_text('image_id,imagenet_index,author\na,559,x\nb,990,y\n')
    return path


def test_a_table_gives_classes_by_index(by_index):
    data = load_dataset(by_index)
    assert data.classes.tolist() == [559, 990]
    assert data.labels == ()


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        ('c,1,x', r'labels\.csv, line 4: images/ has no c'),
        ('a,-1,x', r"labels\.csv, line 4: imagenet_index is '-1'"),
        ('a', r'labels\.csv, line 4: imagenet_index is'),
    ],
)
def test_a_row_that_fits_no_image_is_named(by_index, row, message):
    with (by_index / 'labels.csv').open('a') as file:
        file.write(row + '\n')
    with pytest.raises(ValueError, match=message):
        load_dataset(by_index)


def test_a_table_without_its_columns_is_named(by_index):
    (by_index / 'labels.csv').write_text('image,label\na,1\n')
    with pytest.raises(ValueError, match='must have rows with the columns image_id and'):
        load_dataset(by_index)


@pytest.mark.parametrize('test_name', ['test', 'val'])
def test_a_folder_may_hold_training_and_test_images(tmp_path, write_images, test_name):
    write_images(tmp_path / 'train', sizes=[(8, 8)] * 3)
    write_images(tmp_path / test_name, sizes=[(8, 8)] * 2)
    assert [len(part) for part in load_training_sets(str(tmp_path), None)] == [9, 6]


def test_a_folder_may_hold_tar_files_of_both(tmp_path):
    for name in ('train.tar.gz', 'test.tar.gz'):
        pack({'cat/1.png': png((0, 0, 0))}, tmp_path / name)
    assert [len(part) for part in load_training_sets(str(tmp_path), None)] == [1, 1]


def test_test_images_that_are_not_named_are_missed(folder):
    with pytest.raises(ValueError, match='name the test images with --test'):
        load_training_sets(str(folder), None)


def test_test_images_of_other_classes_are_refused(folder, tmp_path, write_images):
    other = write_images(tmp_path / 'other', classes=('cat', 'plane'))
    with pytest.raises(ValueError, match=r'has classes cat, dog, ship; .* has cat, plane'):
        load_training_sets(str(folder), str(other))
