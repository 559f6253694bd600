import os
import stat
import subprocess
import sys

import pytest

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
    cache.discard('a')
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


def test_a_discarded_file_is_made_again(cache):
    cache.get('a', Maker())
    cache.discard('a')
    cache.discard('never there')
    assert (get_twice(cache), cache.error) == (1, '')


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
            cache.discard(name)
    assert not cache.error, cache.error
"""


def test_processes_can_make_and_remove_the_same_files_concurrently(tmp_path):
    command = [sys.executable, '-c', WRITER, str(tmp_path / 'cache')]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for each in writers:
        _, errors = each.communicate(timeout=120)
        assert each.returncode == 0, errors
    assert not list((tmp_path / 'cache').glob('*.partial*'))
