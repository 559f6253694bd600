# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Images are opened once, and again only if they change."""

import os

import pytest

from dynofa_ros.offline.data import check
from dynofa_ros.offline.data.check import check_pictures
from dynofa_ros.offline.data.parts import find_parts


@pytest.fixture
def opened(monkeypatch):
    """The names of the images that were decoded."""
    names = []
    decode = check.decode
    monkeypatch.setattr(
        check, 'decode', lambda name, data: names.append(name) or decode(name, data)
    )
    return names


@pytest.fixture
def run(write_images, tmp_path, opened):
    folder = write_images(tmp_path / 'set', sizes=((12, 20),) * 3)

    def check_all():
        opened.clear()
        pictures = find_parts(folder).by_name[''].pictures
        return check_pictures(pictures, threads=2, cache=tmp_path / 'cache')

    return folder, check_all


def test_sizes_and_digests_are_those_of_the_files(run):
    _, check_all = run
    found = check_all()
    assert {(each.height, each.width, each.fault) for each in found} == {(12, 20, '')}
    assert len({each.digest for each in found}) == 9


def test_only_changed_images_are_opened_again(run, opened):
    folder, check_all = run
    first = check_all()
    assert len(opened) == 9
    assert check_all() == first
    assert opened == []
    file = folder / 'dog' / '1.png'
    file.write_bytes((folder / 'cat' / '1.png').read_bytes())
    os.utime(file, ns=(1, 1))
    assert check_all()[4].digest == first[1].digest
    assert opened == ['dog/1.png']


@pytest.mark.parametrize('content', ['', '[1]', '{"x": 1', '[' * 100_000])
def test_a_damaged_cache_is_ignored(run, tmp_path, opened, content):
    _, check_all = run
    first = check_all()
    (file,) = (tmp_path / 'cache').iterdir()
    file.write_text(content)
    assert check_all() == first
    assert len(opened) == 9


def test_a_cache_that_cannot_be_written_is_no_error(run, tmp_path):
    (tmp_path / 'cache').write_text('')
    _, check_all = run
    assert len(check_all()) == 9


def test_progress_is_reported(run, tmp_path):
    folder, _ = run
    done = []
    pictures = find_parts(folder).by_name[''].pictures
    check_pictures(pictures, threads=1, report=done.append, cache=tmp_path / 'other')
    assert done == [0, 9]
