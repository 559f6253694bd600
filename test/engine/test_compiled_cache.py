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


@pytest.fixture
def cache(tmp_path):
    return CompiledCache(tmp_path / 'cache')


def test_a_file_is_made_only_once(cache):
    make = Maker()
    assert [cache.get('engine/a.blob', make) for _ in range(3)] == [b'compiled'] * 3
    assert make.calls == 1


def test_another_process_finds_the_file(cache):
    cache.get('a', Maker())
    make = Maker(b'other')
    assert CompiledCache(cache.folder).get('a', make) == b'compiled'
    assert make.calls == 0


def test_files_of_different_names_are_independent(cache):
    cache.get('a', Maker(b'A'))
    assert cache.get('b', Maker(b'B')) == b'B'
    assert cache.get('a', Maker(b'?')) == b'A'


def test_without_a_folder_contents_are_made_every_time():
    cache, make = CompiledCache(None), Maker()
    assert [cache.get('a', make) for _ in range(2)] == [b'compiled'] * 2
    assert make.calls == 2
    cache.discard('a')
    assert cache.error == ''


@pytest.mark.parametrize('kept_bytes', [0, 1, DIGEST_BYTES - 1, DIGEST_BYTES, DIGEST_BYTES + 3])
def test_a_truncated_file_is_made_again(cache, kept_bytes):
    cache.get('a', Maker())
    file = cache.folder / 'a'
    file.write_bytes(file.read_bytes()[:kept_bytes])
    make = Maker()
    assert cache.get('a', make) == b'compiled'
    assert make.calls == 1
    assert cache.get('a', make) == b'compiled'
    assert make.calls == 1


@pytest.mark.parametrize('position', [0, DIGEST_BYTES - 1, DIGEST_BYTES, -1])
def test_a_file_with_a_flipped_bit_is_made_again(cache, position):
    cache.get('a', Maker())
    file = cache.folder / 'a'
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)
    make = Maker()
    assert cache.get('a', make) == b'compiled'
    assert make.calls == 1


def test_empty_content_is_cached(cache):
    make = Maker(b'')
    assert [cache.get('a', make) for _ in range(2)] == [b'', b'']
    assert make.calls == 1


def test_a_discarded_file_is_made_again(cache):
    make = Maker()
    cache.get('a', make)
    cache.discard('a')
    cache.discard('never there')
    cache.get('a', make)
    assert (make.calls, cache.error) == (2, '')


def test_a_failed_make_leaves_no_file(cache):
    def fail():
        raise ValueError('no')

    with pytest.raises(ValueError, match='no'):
        cache.get('a', fail)
    assert not cache.folder.exists()


def test_without_a_usable_folder_contents_are_made_every_time_and_the_error_is_reported(tmp_path):
    (tmp_path / 'cache').write_text('a file in the way')
    cache, make = CompiledCache(tmp_path / 'cache'), Maker()
    assert [cache.get('sub/a', make) for _ in range(2)] == [b'compiled'] * 2
    assert make.calls == 2
    assert 'a cannot be written: ' in cache.error


@pytest.mark.skipif(os.geteuid() == 0, reason='root can write to read-only folders')
def test_in_a_read_only_folder_contents_are_made_every_time_and_the_error_is_reported(cache):
    cache.folder.mkdir()
    cache.folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    make = Maker()
    assert [cache.get('a', make) for _ in range(2)] == [b'compiled'] * 2
    assert (make.calls, cache.error) == (
        2,
        f'{cache.folder / "a"} cannot be written: Permission denied',
    )


def names(cache):
    return {file.name for file in cache.folder.rglob('*') if file.is_file()}


def age(cache, **seconds):
    for name, value in seconds.items():
        os.utime(cache.folder / name, (value, value))


def test_the_least_recently_used_file_is_removed_first(tmp_path):
    stored = 100 + DIGEST_BYTES
    cache = CompiledCache(tmp_path, limit_bytes=3 * stored)
    for name in 'abc':
        cache.get(name, Maker(b'x' * 100))
    age(cache, a=3000, b=1000, c=2000)
    cache.get('d', Maker(b'x' * 100))
    assert names(cache) == {'a', 'c', 'd'}


def test_reading_a_file_counts_as_use(tmp_path):
    cache = CompiledCache(tmp_path, limit_bytes=2 * (100 + DIGEST_BYTES))
    for name in 'ab':
        cache.get(name, Maker(b'x' * 100))
    age(cache, a=1000, b=2000)
    cache.get('a', Maker())
    cache.get('c', Maker(b'x' * 100))
    assert names(cache) == {'a', 'c'}


def test_incomplete_files_are_removed_only_when_abandoned(tmp_path):
    cache = CompiledCache(tmp_path, limit_bytes=100 + DIGEST_BYTES)
    for name in ('now.1.partial.blob', 'dead.2.partial'):
        (tmp_path / name).write_bytes(b'x' * 50)
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
