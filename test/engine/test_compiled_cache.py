# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import errno
import os
import stat
import subprocess
import sys

import pytest

from dynofa_ros.engine import compiled_cache
from dynofa_ros.engine.compiled_cache import DIGEST_BYTES, CompiledCache, default_cache


class Maker:
    """Makes content and counts its calls."""

    def __init__(self, content=b'compiled'):
        self.content, self.calls = content, 0

    def __call__(self):
        self.calls += 1
        return self.content


def get_twice(cache, name='a', content=b'compiled'):
    """Get a file twice, check its content, and return how often it was made."""
    make = Maker(content)
    assert [cache.get(name, make) for _ in range(2)] == [content] * 2
    return make.calls


@pytest.fixture
def cache(tmp_path):
    return CompiledCache(tmp_path / 'cache')


@pytest.mark.parametrize('content', [b'compiled', b''])
def test_a_file_is_made_only_once(cache, content):
    assert get_twice(cache, 'engine/a.blob', content) == 1


def test_another_process_finds_the_file(cache):
    cache.get('a', Maker())
    assert get_twice(CompiledCache(cache.folder)) == 0


def test_files_of_different_names_are_independent(cache):
    cache.get('a', Maker(b'A'))
    assert cache.get('b', Maker(b'B')) == b'B'
    assert cache.get('a', Maker(b'?')) == b'A'


def test_without_a_folder_contents_are_made_every_time():
    cache = CompiledCache(None)
    assert get_twice(cache) == 2
    cache.discard('a', 'another build')
    assert cache.subfolder('sub') is None
    assert cache.error == ''


def truncated(kept_bytes):
    return lambda content: content[:kept_bytes]


def flipped(position):
    def flip(content):
        damaged = bytearray(content)
        damaged[position] ^= 1
        return damaged

    return flip


@pytest.mark.parametrize(
    'damage',
    [
        *map(truncated, (0, 1, DIGEST_BYTES - 1, DIGEST_BYTES, DIGEST_BYTES + 3)),
        *map(flipped, (0, DIGEST_BYTES - 1, DIGEST_BYTES, -1)),
    ],
)
def test_a_damaged_file_is_made_again(cache, damage):
    cache.get('a', Maker())
    file = cache.folder / 'a'
    file.write_bytes(damage(file.read_bytes()))
    assert get_twice(cache) == 1
    assert cache.error == f'{file} is ignored and made again: it is damaged'


def test_a_discarded_file_is_made_again(cache):
    cache.get('a', Maker())
    cache.discard('a', 'another build')
    assert cache.error == f'{cache.folder / "a"} is removed: another build'
    cache.discard('never there', 'another build')
    assert get_twice(cache) == 1


def test_a_file_that_cannot_be_removed_is_reported(cache):
    (cache.folder / 'a').mkdir(parents=True)
    cache.discard('a', 'another build')
    assert cache.error == f'{cache.folder / "a"} cannot be removed: Is a directory'


def test_a_failed_make_leaves_no_file(cache):
    def fail():
        raise ValueError('no')

    with pytest.raises(ValueError, match='no'):
        cache.get('a', fail)
    assert not cache.folder.exists()


def test_without_a_usable_folder_contents_are_made_every_time_and_the_error_is_reported(tmp_path):
    (tmp_path / 'cache').write_text('a file in the way')
    cache = CompiledCache(tmp_path / 'cache')
    assert get_twice(cache, 'sub/a') == 2
    assert 'a cannot be written: ' in cache.error
    assert cache.subfolder('sub') is None
    assert cache.error.endswith('sub cannot be created: Not a directory')


def test_a_subfolder_is_created(cache):
    assert cache.subfolder('sub') == cache.folder / 'sub'
    assert (cache.folder / 'sub').is_dir()


@pytest.fixture
def stored(cache):
    """The file of a cached content."""
    cache.get('a', Maker())
    return cache.folder / 'a'


@pytest.mark.parametrize(
    ('replace', 'reason'),
    [
        (os.mkfifo, 'it is not a regular file'),
        (os.mkdir, 'it is not a regular file'),
        (lambda file: file.symlink_to('/etc/passwd'), 'Too many levels of symbolic links'),
    ],
    ids=['pipe', 'folder', 'link'],
)
def test_what_is_not_a_regular_file_is_ignored_and_reported(cache, stored, replace, reason):
    stored.unlink()
    replace(stored)
    assert cache.get('a', Maker(b'new')) == b'new'
    assert reason in cache.error or cache.error.endswith('cannot be written: Is a directory')


def test_a_file_of_another_user_is_ignored_and_reported(cache, stored, monkeypatch):
    owner = stored.stat().st_uid
    monkeypatch.setattr(os, 'geteuid', lambda: owner + 1)
    monkeypatch.setattr(compiled_cache, 'ROOT', -1)
    assert cache.get('a', Maker(b'new')) == b'new'
    assert cache.error == f'{stored} is ignored and made again: it belongs to user {owner}'


def test_a_file_that_is_too_large_is_ignored_and_reported(cache, stored):
    small = CompiledCache(cache.folder, limit_bytes=4)
    assert small.get('a', Maker(b'new')) == b'new'
    assert 'made again: it has 40 bytes, above 4' in small.error


def test_a_full_disk_is_reported(cache, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    assert get_twice(cache) == 2
    assert cache.error == f'{cache.folder / "a"} cannot be written: No space left on device'
    assert list(cache.folder.iterdir()) == []


def test_the_time_of_use_need_not_be_kept(cache, stored, monkeypatch):
    def refuse(*arguments):
        raise PermissionError

    monkeypatch.setattr(os, 'utime', refuse)
    assert (get_twice(cache), cache.error) == (0, '')


@pytest.mark.skipif(os.geteuid() == 0, reason='root can write to read-only folders')
def test_in_a_read_only_folder_contents_are_made_every_time_and_the_error_is_reported(cache):
    cache.folder.mkdir()
    cache.folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert get_twice(cache) == 2
    assert cache.error == f'{cache.folder / "a"} cannot be written: Permission denied'


def names(cache):
    return {file.name for file in cache.folder.rglob('*') if file.is_file()}


def age(cache, **seconds):
    for name, value in seconds.items():
        os.utime(cache.folder / name, (value, value))


@pytest.fixture
def fill(tmp_path):
    """Return a function that makes a cache for a number of files and puts named ones into it."""

    def fill(capacity, files=''):
        cache = CompiledCache(tmp_path, limit_bytes=capacity * (100 + DIGEST_BYTES))
        for name in files:
            cache.get(name, Maker(b'x' * 100))
        return cache

    return fill


def test_the_least_recently_used_file_is_removed_first(fill):
    cache = fill(3, 'abc')
    age(cache, a=3000, b=1000, c=2000)
    cache.get('d', Maker(b'x' * 100))
    assert names(cache) == {'a', 'c', 'd'}


def test_reading_a_file_counts_as_use(fill):
    cache = fill(2, 'ab')
    age(cache, a=1000, b=2000)
    cache.get('a', Maker())
    cache.get('c', Maker(b'x' * 100))
    assert names(cache) == {'a', 'c'}


def test_incomplete_files_are_removed_only_when_abandoned(fill):
    cache = fill(1)
    for name in ('now.1.partial.blob', 'dead.2.partial'):
        (cache.folder / name).write_bytes(b'x' * 50)
    age(cache, **{'dead.2.partial': 1000})
    cache.get('a', Maker(b'x' * 100))
    assert names(cache) == {'a', 'now.1.partial.blob'}


def test_the_default_folder_is_in_the_cache_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert default_cache().folder == tmp_path / 'dynofa_ros' / 'compiled'


WRITER = """
import sys
from pathlib import Path
from dynofa_ros.engine.compiled_cache import CompiledCache
for i in range(16):
    cache = CompiledCache(Path(sys.argv[1]), limit_bytes=3_000_000)
    for name in ('a', 'b', 'c', 'd'):
        content = cache.get(name, lambda: name.encode() * 1_000_000)
        assert content == name.encode() * 1_000_000, name
        if i % 4 == 0:
            cache.discard(name, 'test')
    assert not cache.error or cache.error.endswith(' is removed: test'), cache.error
"""


def test_processes_can_make_and_remove_the_same_files_concurrently(tmp_path):
    command = [sys.executable, '-c', WRITER, str(tmp_path / 'cache')]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for each in writers:
        _, errors = each.communicate(timeout=120)
        assert each.returncode == 0, errors
    assert not list((tmp_path / 'cache').glob('*.partial*'))
