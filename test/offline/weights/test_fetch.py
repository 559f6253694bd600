# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Official weights are verified, whether downloaded or already there."""

import hashlib
import os
import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dynofa_ros.cli import main
from dynofa_ros.offline.weights.fetch import fetch_weights
from dynofa_ros.supernet.official_weights import (
    OFFICIAL_WEIGHTS,
    Checksum,
    OfficialWeights,
    WeightsError,
)
from dynofa_ros.supernet.zoo import create_supernet

CONTENT = b'weights' * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = 'ofa_mbv3_d234_e346_k357_w1.0'


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def url(tmp_path, run_server):
    """Address of a file of weights."""
    folder = tmp_path / 'served'
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    handler = partial(QuietHandler, directory=str(folder))
    with run_server(ThreadingHTTPServer(('127.0.0.1', 0), handler)) as server:
        yield f'http://127.0.0.1:{server.server_port}/{NAME}'


@pytest.fixture
def fetch(url, tmp_path):
    """Return a function that fetches the weights into a folder."""

    def fetch(**changed):
        weights = OfficialWeights(NAME, url, Checksum('sha256', SHA256), len(CONTENT))
        return fetch_weights(weights, tmp_path / 'here', lambda done, total: None, **changed)

    return fetch


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_only_the_file_and_its_checksum_remain(fetch, tmp_path):
    fetched = fetch()
    assert fetched.path.read_bytes() == CONTENT
    assert (fetched.size_bytes, fetched.downloaded) == (len(CONTENT), True)
    assert names(tmp_path / 'here') == [NAME, f'{NAME}.sha256']
    assert (tmp_path / 'here' / f'{NAME}.sha256').read_text() == f'{SHA256}  {NAME}\n'


def test_a_present_file_is_not_downloaded_again(fetch):
    fetch()
    again = fetch(url='http://nowhere.invalid/weights')
    assert (again.downloaded, again.verified) == (False, Checksum('sha256', SHA256))


def test_a_wrong_checksum_is_reported_and_the_download_deleted(fetch, tmp_path):
    wrong = Checksum('sha256', '0' * 64)
    with pytest.raises(WeightsError, match=f'is sha256 {SHA256}; expected {"0" * 64}.*deleted'):
        fetch(expected=wrong)
    assert names(tmp_path / 'here') == []


def test_after_a_wrong_checksum_the_file_is_downloaded_again(fetch):
    with pytest.raises(WeightsError):
        fetch(expected=Checksum('sha256', '0' * 64))
    assert fetch().path.read_bytes() == CONTENT


def test_a_file_that_has_changed_is_rejected_and_kept(fetch):
    path = fetch().path
    path.write_bytes(b'changed')
    with pytest.raises(WeightsError, match=f'expected {SHA256}; delete it to download again'):
        fetch()
    assert path.read_bytes() == b'changed'


def test_a_record_of_the_checksum_that_is_another_file_is_not_quoted(fetch, tmp_path):
    fetch()
    record = tmp_path / 'here' / f'{NAME}.sha256'
    record.unlink()
    record.symlink_to('/etc/passwd')
    with pytest.raises(WeightsError, match='holds no SHA-256; delete it') as refused:
        fetch()
    assert 'root:' not in str(refused.value)


def test_a_pipe_in_place_of_the_weights_is_refused(fetch, tmp_path):
    (tmp_path / 'here').mkdir()
    os.mkfifo(tmp_path / 'here' / NAME)
    with pytest.raises(WeightsError, match='is not a regular file'):
        fetch()


def test_every_official_file_has_a_limit_above_its_weights():
    for name, weights in OFFICIAL_WEIGHTS.items():
        values = create_supernet(name).state_dict().values()
        weights_bytes = sum(4 * each.numel() for each in values)
        assert weights_bytes < weights.limit_bytes < 1.3 * weights_bytes


def test_a_git_blob_checksum_is_verified(fetch):
    git = hashlib.sha1(b'blob 7000\0' + CONTENT).hexdigest()
    assert fetch(expected=Checksum('git blob', git)).verified == Checksum('git blob', git)


def test_a_wrong_git_blob_checksum_is_rejected(fetch):
    with pytest.raises(WeightsError, match=r'is git blob .*; expected aaaa'):
        fetch(expected=Checksum('git blob', 'a' * 40))


def test_an_unwritable_folder_is_named(url, tmp_path):
    (tmp_path / 'file').write_text('')
    weights = OfficialWeights(NAME, url, Checksum('sha256', SHA256), len(CONTENT))
    with pytest.raises(WeightsError, match=r'file/here cannot be written: Not a directory'):
        fetch_weights(weights, tmp_path / 'file' / 'here', lambda done, total: None)


def test_the_command_downloads_and_shows_how_to_load_the_weights(url, tmp_path, capsys):
    arguments = ['fetch-weights', NAME, '--to', str(tmp_path), '--url', url, '--sha256', SHA256]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert f'downloaded, 0.0 MB, sha256 {SHA256} verified' in printed.out
    assert f"create_supernet('{NAME}').load_checkpoint('{tmp_path / NAME}')" in printed.out
    assert f'{NAME}: 0.0 of 0.0 MB, 100%' in printed.err


def test_the_default_folder_is_the_cache(url, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert main(['fetch-weights', NAME, '--url', url, '--sha256', SHA256.upper()]) == 0
    assert (tmp_path / 'dynofa_ros' / NAME).read_bytes() == CONTENT


def test_a_file_with_another_checksum_than_the_official_one_is_rejected(url, tmp_path, capsys):
    assert main(['fetch-weights', NAME, '--to', str(tmp_path), '--url', url]) == 1
    official = '55d835981d8acd1053657a951b18887a724ddcbf'
    assert re.search(f'is git blob .*; expected {official}', capsys.readouterr().err)
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize(
    ('arguments', 'problem'),
    [
        ([], 'NAME is missing; expected a supernet'),
        (['resnet'], "official weights is 'resnet'; expected ofa_mbv3_d234"),
        ([NAME, '--sha256', 'abc'], "sha256 is 'abc'; expected 64 digits"),
        ([NAME, '--url', 'weights'], "url is 'weights'; expected http://"),
        ([NAME, '--url', 'http://nowhere.invalid/w'], 'no connection to nowhere.invalid'),
    ],
)
def test_an_error_is_one_line(arguments, problem, tmp_path, capsys):
    assert main(['fetch-weights', *arguments, '--to', str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith('dynofa fetch-weights: ') and problem in printed
    assert printed.count('\n') == 1


def test_the_list_shows_which_files_are_downloaded(tmp_path, capsys):
    (tmp_path / NAME).write_bytes(CONTENT)
    assert main(['fetch-weights', '--list', '--to', str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert re.search(rf'{re.escape(NAME)} +0\.0 MB  downloaded\n', printed)
    assert re.search(
        r'ofa_resnet50 +192\.8 MB  not downloaded\n    https://huggingface\.co/', printed
    )
