# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import io
import os
import struct
import tarfile
import zlib

import cv2
import numpy as np
import pytest
import torch

from dynofa_ros.offline.data.dataset import DecodedImages, EncodedImages
from dynofa_ros.offline.data.readers import load_dataset

# Created in another order than the alphabetical one.
BGR = {'ship': (200, 10, 10), 'cat': (10, 200, 10), 'dog': (10, 10, 200)}
BLACK = (0, 0, 0)


def png(bgr=BLACK, size=8):
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


def test_folder_names_are_the_classes_and_thumbnails_are_held_in_memory_as_rgb(folder):
    data = load_dataset(folder)
    assert isinstance(data, DecodedImages)
    assert data.labels == ('cat', 'dog', 'ship')
    assert data.classes.tolist() == [0, 0, 1, 1, 2, 2]
    assert (data.images.shape, data.images.dtype) == ((6, 3, 8, 8), torch.uint8)
    assert data.images[-1, :, 0, 0].tolist() == [10, 10, 200]


def test_a_tar_file_is_read_like_its_folder(folder, tmp_path):
    files = {f'x/{f.relative_to(folder)}': f.read_bytes() for f in folder.glob('*/*')}
    from_tar, from_folder = load_dataset(pack(files, tmp_path / 'x.tgz')), load_dataset(folder)
    assert torch.equal(from_tar.images, from_folder.images)
    assert from_tar.labels == from_folder.labels


def test_files_that_are_not_images_of_a_class_are_ignored(folder, tmp_path):
    (folder / 'cat' / 'LICENSE.txt').write_text('mine')
    (folder / 'index.png').write_bytes(png())
    assert len(load_dataset(folder)) == 6
    files = {'index.png': png(), 'cat/1.png': png()}
    assert load_dataset(pack(files, tmp_path / 'x.tar')).labels == ('cat',)


@pytest.mark.parametrize('content', [b'\xff\xd8\xff not a photo', b''], ids=['damaged', 'empty'])
def test_an_image_that_cannot_be_decoded_is_named(folder, content):
    (folder / 'dog' / '7.jpg').write_bytes(content)
    with pytest.raises(ValueError, match=r'dog/7\.jpg is not an image'):
        load_dataset(folder)


@pytest.mark.parametrize('shape', [(9, 9), (8, 20), (97, 97)])
def test_images_of_other_sizes_are_decoded_on_demand(folder, shape):
    cv2.imwrite(str(folder / 'dog' / '7.png'), np.full((*shape, 3), (10, 10, 200), np.uint8))
    data = load_dataset(folder)
    assert isinstance(data, EncodedImages)
    assert len(data) == 7
    assert data.image(4).shape == (*shape, 3)
    assert data.image(4)[0, 0].tolist() == [10, 10, 200]


def test_images_of_mixed_sizes_are_read_from_a_tar_file(tmp_path):
    files = {'cat/1.png': png(), 'dog/1.png': png((9, 8, 7), size=30)}
    data = load_dataset(pack(files, tmp_path / 'x.tgz'))
    assert data.image(1)[0, 0].tolist() == [9, 8, 7]


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'none\.tar does not exist'):
        load_dataset(tmp_path / 'none.tar')


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(ValueError, match='holds no images in folders named by class'):
        load_dataset(tmp_path)


@pytest.mark.parametrize('truncated', [True, False], ids=['truncated', 'no tar file'])
def test_a_damaged_tar_file_is_named(tmp_path, truncated):
    noise = np.random.default_rng(0).bytes(5000)
    file = pack({'cat/1.png': png(), 'cat/2.png': noise}, tmp_path / 'x.tgz')
    file.write_bytes(file.read_bytes()[:2000] if truncated else b'hello')
    with pytest.raises(
        ValueError, match=r'x\.tgz is neither a folder nor an intact tar or zip file'
    ):
        load_dataset(file)


@pytest.fixture
def indexed(tmp_path):
    """A folder with a table of class indices."""
    path = tmp_path / 'photos'
    (path / 'images').mkdir(parents=True)
    for name in ('a', 'b'):
        (path / 'images' / f'{name}.png').write_bytes(png())
    (path / 'labels.csv').write_text('image_id,imagenet_index,author\na,559,x\nb,990,y\n')
    return path


def test_a_table_gives_class_indices(indexed):
    data = load_dataset(indexed)
    assert data.classes.tolist() == [559, 990]
    assert data.labels == ()


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        ('c,1,x', 'c cannot be read: No such file'),
        (',1,x', r'labels\.csv, line 4: file is empty'),
        ('a,-1,x', r"labels\.csv, line 4: imagenet_index is '-1'"),
        ('a', r'labels\.csv, line 4: imagenet_index is'),
    ],
)
def test_an_invalid_row_is_named(indexed, row, message):
    with (indexed / 'labels.csv').open('a') as file:
        file.write(row + '\n')
    with pytest.raises(ValueError, match=message):
        load_dataset(indexed)


def test_a_table_without_its_columns_is_refused(indexed):
    (indexed / 'labels.csv').write_text('picture,label\na,1\n')
    with pytest.raises(
        ValueError, match=r"labels\.csv: columns are 'picture, label'; expected file and label"
    ):
        load_dataset(indexed)


HOSTILE = 32_000
"""Side of the picture that a header claims [pixel]."""


def claims_a_huge_size(data):
    """Return a PNG with another width and height in its header, and the right checksum."""
    header = b'IHDR' + struct.pack('>II', HOSTILE, HOSTILE) + data[24:29]
    return data[:12] + header + struct.pack('>I', zlib.crc32(header)) + data[33:]


@pytest.mark.parametrize('archived', [True, False])
def test_an_image_that_claims_a_huge_size_is_not_decoded(folder, tmp_path, archived, monkeypatch):
    def decoded(*arguments):
        raise AssertionError

    monkeypatch.setattr(cv2, 'imdecode', decoded)
    image = claims_a_huge_size(png())
    path = pack({'cat/1.png': image}, tmp_path / 'x.tar') if archived else folder
    for file in folder.glob('*/*'):
        file.write_bytes(image)
    with pytest.raises(ValueError, match='it has 32000 x 32000 pixels, above 100000000'):
        load_dataset(path)


def test_an_error_of_opencv_is_reported_with_the_file(folder, monkeypatch):
    def fail(*arguments):
        raise cv2.error('bad')

    monkeypatch.setattr(cv2, 'imdecode', fail)
    with pytest.raises(ValueError, match=r'cat/0\.png is not an image that OpenCV can read'):
        load_dataset(folder)


def test_a_pipe_in_place_of_an_image_is_refused(folder):
    os.mkfifo(folder / 'cat' / 'pipe.png')
    with pytest.raises(ValueError, match=r'pipe\.png cannot be read: it is not a regular file'):
        load_dataset(folder)


def test_an_image_file_that_is_too_large_is_refused(folder):
    with (folder / 'cat' / '0.png').open('wb') as file:
        file.truncate(65 * 2**20)
    with pytest.raises(ValueError, match=r'0\.png cannot be read: it has over 67108864 bytes'):
        load_dataset(folder)


@pytest.mark.parametrize(
    'content',
    [
        'image_id,imagenet_index\n"' + 'x' * 200_000 + '",1\n',
        b'image_id,imagenet_index\n\xff\xfe,1\n',
        'image_id,imagenet_index\na,' + '9' * 400 + '\n',
        'image_id,imagenet_index\na,\u0663\n',
        'x' * 1000 + ',y\n1,2\n',
        'image_id,imagenet_index\n' + 'x' * 1000 + ',1\n',
    ],
    ids=['long field', 'not UTF-8', 'huge index', 'other digits', 'long column', 'long name'],
)
def test_a_hostile_table_ends_in_a_short_error(indexed, content):
    table = indexed / 'labels.csv'
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r'labels\.csv|File name too long') as refused:
        load_dataset(indexed)
    assert len(str(refused.value)) < len(str(table)) + 300
