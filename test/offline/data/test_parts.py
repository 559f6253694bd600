# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Data sets as people have them: divided, nested, packed, listed in tables, with other files."""

import io
import shutil
import tarfile
import zipfile

import cv2
import numpy as np
import pytest

from dynofa_ros.offline.data.parts import find_parts
from dynofa_ros.offline.data.readers import Reader
from dynofa_ros.supernet import load_model


def picture(seed, suffix='.png', side=48):
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    return cv2.imencode(suffix, pixels[..., 0] if suffix == '.pgm' else pixels)[1].tobytes()


@pytest.fixture
def write(tmp_path):
    """Return a function that writes files, each with its own picture unless content is given."""

    def files(*names, root='set', **content):
        for number, name in enumerate(names):
            file = tmp_path / root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            suffix = file.suffix.lower().replace('.jpe', '.jpg').replace('.jpgg', '.jpg')
            file.write_bytes(content.get(file.name) or picture(number, suffix))
        return tmp_path / root

    return files


@pytest.fixture
def said():
    return []


@pytest.fixture
def reader(said):
    return Reader(log=said.append)


SUFFIXES = ('jpg', 'jpeg', 'JPG', 'png', 'webp', 'bmp', 'gif', 'tif', 'tiff', 'ppm', 'pgm', 'jp2')


def test_every_kind_of_picture_is_read(write, reader):
    data = reader.images(str(write(*(f'cat/{n}.{suffix}' for n, suffix in enumerate(SUFFIXES)))))
    assert len(data) == len(SUFFIXES)
    assert data.image(0).shape == (48, 48, 3)


@pytest.mark.parametrize('val', ['val', 'valid', 'Validation', 'VAL'])
@pytest.mark.parametrize('train', ['train', 'Train'])
def test_folders_divide_a_set(write, reader, train, val):
    folder = write(
        f'{train}/cat/a/1.png', f'{train}/dog/2.png', f'{val}/cat/3.png', 'Test/dog/4.png'
    )
    given = reader.given(str(folder), None)
    assert [len(given.train), len(given.val), len(given.test)] == [2, 1, 1]
    assert given.test.classes.tolist() == [1]


def test_validation_images_are_the_test_images_if_there_are_no_others(write, reader):
    given = reader.given(str(write('train/cat/1.png', 'val/cat/3.png')), None)
    assert given.val is None
    assert len(given.test) == 1


def test_a_class_may_be_called_train(write):
    parts = find_parts(write('train/1.png', 'plane/2.png'))
    assert parts.by_name[''].labels == ('plane', 'train')


def test_a_class_is_the_first_folder_below_those_that_hold_everything(write):
    parts = find_parts(write('x/y/cat/2021/may/1.png', 'x/y/cat/2.png', 'x/y/dog/3.png'))
    assert parts.by_name[''].labels == ('cat', 'dog')
    assert len(parts.by_name[''].pictures) == 3


def packed(folder, file):
    if file.suffix == '.zip':
        with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
            for each in folder.rglob('*'):
                archive.write(each, f'{folder.name}/{each.relative_to(folder)}')
    else:
        with tarfile.open(file, 'w:gz') as archive:
            archive.add(folder, folder.name)
    return file


@pytest.mark.parametrize('name', ['x.zip', 'x.tar.gz'])
def test_an_archive_is_read_like_its_folder(write, reader, tmp_path, name):
    folder = write('train/cat/1.png', 'train/dog/2.png', 'val/cat/3.png', 'test/dog/4.png')
    own, from_archive = (
        reader.given(str(each), None) for each in (folder, packed(folder, tmp_path / name))
    )
    for part in ('train', 'val', 'test'):
        assert getattr(own, part).fingerprint() == getattr(from_archive, part).fingerprint()


def test_parts_may_be_archives_of_both_kinds(write, reader, tmp_path):
    folder = write('cat/1.png', 'dog/2.png')
    (tmp_path / 'both').mkdir()
    packed(folder, tmp_path / 'both' / 'Train.zip')
    packed(folder, tmp_path / 'both' / 'test.tar.gz')
    assert len(reader.given(str(tmp_path / 'both'), None).test) == 2


def test_a_zip_bomb_and_a_damaged_zip_are_refused(tmp_path, reader):
    file = tmp_path / 'x.zip'
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('cat/1.png', bytes(70 * 2**20))
    with pytest.raises(ValueError, match=r'cat/1\.png has over 67108864 bytes'):
        reader.images(str(file))
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ValueError, match='neither a folder nor an intact tar or zip file'):
        reader.images(str(file))


@pytest.mark.parametrize('heading', ['file,label\n', 'Filename;Class\n', 'path\tlabel\n', ''])
def test_a_table_lists_files_and_labels(write, reader, heading):
    folder = write('a/1.png', 'images/2.png')
    mark = next((each for each in ';\t' if each in heading), ',')
    rows = heading + f'a/1.png{mark}cat\n2.png{mark}dog\n\n'
    (folder / 'own.csv').write_text(rows)
    data = reader.images(str(folder / 'own.csv'))
    assert data.labels == ('cat', 'dog')
    assert data.classes.tolist() == [0, 1]


def test_a_column_divides_a_table(write, reader):
    folder = write('1.png', '2.png', '3.png')
    rows = 'file,label,split\n1.png,cat,train\n2.png,dog,Train\n3.png,dog,test\n'
    (folder / 'own.csv').write_text(rows)
    given = reader.given(str(folder / 'own.csv'), None)
    assert (len(given.train), given.test.classes.tolist()) == (2, [1])
    (folder / 'own.csv').write_text(f'{rows}3.png,dog,exam\n')
    with pytest.raises(ValueError, match=r"own\.csv: part of 3\.png is 'exam'; expected one of"):
        reader.given(str(folder / 'own.csv'), None)


def test_folders_of_wordnet_have_the_names_of_the_model(write, reader):
    data = reader.images(str(write('n02123045/1.png', 'n01440764/2.png')))
    assert data.labels == ('tench', 'tabby')
    assert set(data.labels) <= set(load_model('imagenet').labels)


def test_what_is_left_out_is_counted_and_named(write, reader, said):
    folder = write(
        *('cat/1.png', 'dog/2.png', 'cat/._1.png', 'cat/.DS_Store', 'cat/notes.txt', 'README.md'),
        *('__MACOSX/cat/1.png', 'dog/.ipynb_checkpoints/2.png', 'loose.png'),
        **dict.fromkeys(('.DS_Store', 'notes.txt', 'README.md'), b'x'),
    )  # fmt: skip
    (folder / 'bird').mkdir()
    assert len(reader.images(str(folder))) == 2
    for text in (
        '1 empty folders (bird)',
        '1 macOS ._ files (cat/._1.png)',
        '1 hidden names (cat/.DS_Store)',
        '1 __MACOSX folders (__MACOSX)',
        '1 .ipynb_checkpoints folders (dog/.ipynb_checkpoints)',
        '1 images outside of a class folder (loose.png)',
        '2 files with other endings (',
    ):
        assert text in said[0]


def test_every_bad_image_is_listed_and_may_be_skipped(write, said):
    whole = picture(0, '.jpg')
    folder = write('cat/1.png', 'dog/2.png')
    (folder / 'cat' / 'cut.jpg').write_bytes(whole[: len(whole) // 2])
    (folder / 'dog' / 'text.png').write_text('no picture')
    (folder / 'dog' / 'empty.bmp').write_bytes(b'')
    (folder / 'dog' / 'link.png').symlink_to('nowhere')
    with pytest.raises(ValueError, match='4 images cannot be used; remove or mend') as refused:
        Reader(log=said.append).images(str(folder))
    for name in ('cat/cut.jpg', 'dog/text.png', 'dog/empty.bmp', 'dog/link.png'):
        assert name in str(refused.value)
    assert len(Reader(skip_bad=True, log=said.append).images(str(folder))) == 2
    assert '4 images cannot be used; skipped' in said[-1]


def test_links_to_folders_are_followed_once(write, reader, said):
    folder = write('cat/1.png', 'dog/2.png')
    shutil.move(folder / 'dog', folder.parent / 'elsewhere')
    (folder / 'dog').symlink_to(folder.parent / 'elsewhere')
    (folder / 'cat' / 'loop').symlink_to(folder)
    assert len(reader.images(str(folder))) == 2
    assert 'links to a folder that is read already (cat/loop)' in said[0]


def test_members_of_a_tar_that_are_no_files_are_ignored(tmp_path, reader):
    with tarfile.open(tmp_path / 'x.tar', 'w') as archive:
        for name in ('cat/1.png', 'cat/2.png'):
            info = tarfile.TarInfo(name)
            content = picture(1)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        pipe = tarfile.TarInfo('cat/3.png')
        pipe.type = tarfile.FIFOTYPE
        archive.addfile(pipe)
    assert len(reader.images(str(tmp_path / 'x.tar'))) == 2
