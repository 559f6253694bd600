# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Archives that are damaged or hostile end in a short error, within bounded memory."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import tracemalloc

import cv2
import numpy as np
import pytest

from dynofa_ros.offline.data import archive
from dynofa_ros.offline.data.archive import ArchiveError, archived_files
from dynofa_ros.offline.data.readers import load_dataset

PNG = cv2.imencode('.png', np.zeros((8, 8, 3), np.uint8))[1].tobytes()


def is_png(name):
    return name.endswith('.png')


ZEROS = bytes(2**20)
MEGABYTE = 2**20


def tar_of(*members, padding=b''):
    """Return a tar archive of (TarInfo attributes, content)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w', format=tarfile.PAX_FORMAT) as tar:
        for attributes, content in members:
            info = tarfile.TarInfo()
            info.size = len(content)
            for name, value in attributes.items():
                setattr(info, name, value)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue() + padding


@pytest.fixture
def names(tmp_path):
    """Return a function that writes an archive and returns the names of its images."""

    def read(data):
        file = tmp_path / 'x.tar'
        file.write_bytes(data)
        return [name for name, content in archived_files(file, is_png) if content is not None]

    return read


@pytest.mark.parametrize('compress', [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_archives_of_every_compression_are_read(names, compress):
    assert names(compress(tar_of(({'name': 'cat/1.png'}, PNG)))) == ['cat/1.png']


@pytest.mark.parametrize('compress', [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize('position', [20, 300, -30])
@pytest.mark.parametrize('truncate', [True, False])
def test_a_damaged_archive_is_named(names, compress, position, truncate):
    noise = np.random.default_rng(0).bytes(50_000)
    data = bytearray(compress(tar_of(({'name': 'cat/1.png'}, noise), ({'name': 'a/b.png'}, noise))))
    if truncate:
        del data[position:]
    else:
        data[position : position + 20] = b'\xff' * 20
    try:
        found = names(bytes(data))
    except ArchiveError as error:
        assert 'x.tar is neither a folder nor an intact tar or zip file: ' in str(error)
    else:  # a tar archive has a checksum of its headers only, gzip and bzip2 one after the content
        assert set(found) <= {'cat/1.png', 'a/b.png'}


def test_a_damaged_header_is_not_the_end_of_the_archive(names):
    data = bytearray(tar_of(({'name': 'cat/1.png'}, PNG), ({'name': 'cat/2.png'}, PNG)))
    data[data.index(b'cat/2')] ^= 1
    with pytest.raises(ArchiveError, match='the header of a member is damaged'):
        names(bytes(data))


@pytest.mark.parametrize(
    ('member', 'message'),
    [
        (({'name': 'a/1.png'}, ZEROS * 70), 'a/1.png is 73400320 bytes; expected at most'),
        (({'name': 'a/1.txt'}, ZEROS * 90), r'content is over \d+ bytes, 100 times its size'),
        (({'name': 'a/1.png', 'pax_headers': {'comment': 'x' * 2 * MEGABYTE}}, PNG), 'headers are'),
        (({'name': 'x' * 2 * MEGABYTE + '/1.png'}, PNG), 'headers are over 1048576 bytes'),
    ],
    ids=['image', 'other file', 'comment', 'name'],
)
def test_a_bomb_is_refused_in_little_memory(names, tmp_path, member, message):
    data = gzip.compress(tar_of(member))
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match=message):
            names(data)
        assert tracemalloc.get_traced_memory()[1] < 8 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_a_sparse_file_is_refused(names):
    holes = {
        'GNU.sparse.major': '1',
        'GNU.sparse.minor': '0',
        'GNU.sparse.name': 'cat/1.png',
        'GNU.sparse.realsize': '1000000',
    }
    content = b'1\n0\n512\n'.ljust(512, b'\0') + bytes(512)
    with pytest.raises(ArchiveError, match=r'1\.png is sparse'):
        names(tar_of(({'name': 'cat/1.png', 'pax_headers': holes}, content)))


@pytest.mark.parametrize('size', ['-512', '9' * 30, 'x'])
def test_a_size_that_is_wrong_is_refused(names, size):
    with pytest.raises(ArchiveError):
        names(tar_of(({'name': 'cat/1.png', 'pax_headers': {'size': size}}, PNG)) + PNG)


def test_many_headers_in_a_row_are_refused(names):
    header = tar_of(({'name': 'a', 'pax_headers': {'comment': 'x'}}, b''))[:1024]
    with pytest.raises(ArchiveError):
        names(header * 5000)


def test_links_and_devices_are_ignored(names):
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE)
    members = [
        ({'name': f'cat/{n}.png', 'type': kind, 'linkname': '/etc/passwd'}, b'')
        for n, kind in enumerate(kinds)
    ]
    assert names(tar_of(*members, ({'name': 'cat/9.png'}, PNG))) == ['cat/9.png']


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / 'x.tar')
    with pytest.raises(ValueError, match='is a pipe or device; expected a folder, a tar'):
        load_dataset(tmp_path / 'x.tar')


def test_members_are_not_kept(names, monkeypatch):
    monkeypatch.setattr(archive, 'FREE_BYTES', 100 * MEGABYTE)
    data = gzip.compress(tar_of(({'name': 'a'}, b''))[:512] * 20_000)
    tracemalloc.start()
    try:
        assert names(data) == []
        assert tracemalloc.get_traced_memory()[1] < 2 * MEGABYTE
    finally:
        tracemalloc.stop()
