import hashlib
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dynofa_ros.cli import main
from dynofa_ros.offline.weights.fetch import fetch_weights
from dynofa_ros.supernet.official_weights import Checksum, OfficialWeights, WeightsError

CONTENT = b'weights' * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = 'ofa_mbv3_d234_e346_k357_w1.0'


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def url(tmp_path):
    """Serve a file of weights; return its address."""
    folder = tmp_path / 'served'
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    handler = partial(QuietHandler, directory=str(folder))
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f'http://127.0.0.1:{server.server_port}/{NAME}'
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fetch(url, tmp_path):
    """Return a function that fetches into a folder; by default all is as it should be."""

    def fetch(**changed):
        weights = OfficialWeights(NAME, url, Checksum('sha256', SHA256))
        return fetch_weights(weights, tmp_path / 'here', lambda done, total: None, **changed)

    return fetch


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_and_its_sum_are_all_that_is_left(fetch, tmp_path):
    fetched = fetch()
    assert fetched.path.read_bytes() == CONTENT
    assert (fetched.size_bytes, fetched.downloaded) == (len(CONTENT), True)
    assert names(tmp_path / 'here') == [NAME, f'{NAME}.sha256']
    assert (tmp_path / 'here' / f'{NAME}.sha256').read_text() == f'{SHA256}  {NAME}\n'


def test_what_is_here_is_not_fetched_again(fetch):
    fetch()
    again = fetch(url='http://nowhere.invalid/weights')
    assert (again.downloaded, again.verified) == (False, Checksum('sha256', SHA256))


def test_a_wrong_sum_is_said_with_the_right_one_and_nothing_is_left(fetch, tmp_path):
    wrong = Checksum('sha256', '0' * 64)
    with pytest.raises(WeightsError, match=f'has sha256 {SHA256}; expected {"0" * 64}.*removed'):
        fetch(expected=wrong)
    assert names(tmp_path / 'here') == []


def test_after_a_wrong_sum_it_comes_again_whole(fetch):
    with pytest.raises(WeightsError):
        fetch(expected=Checksum('sha256', '0' * 64))
    assert fetch().path.read_bytes() == CONTENT


def test_what_changed_since_it_came_is_refused_and_left_alone(fetch):
    path = fetch().path
    path.write_bytes(b'changed')
    with pytest.raises(WeightsError, match=f'expected {SHA256}: remove it to fetch it again'):
        fetch()
    assert path.read_bytes() == b'changed'


def test_a_sum_as_git_names_files_is_verified(fetch):
    git = hashlib.sha1(b'blob 7000\0' + CONTENT).hexdigest()
    assert fetch(expected=Checksum('git blob', git)).verified == Checksum('git blob', git)


def test_a_git_sum_that_is_wrong_is_refused(fetch):
    with pytest.raises(WeightsError, match=r'has git blob .*; expected aaaa'):
        fetch(expected=Checksum('git blob', 'a' * 40))


def test_a_folder_that_cannot_be_made_is_said(url, tmp_path):
    (tmp_path / 'file').write_text('')
    weights = OfficialWeights(NAME, url, Checksum('sha256', SHA256))
    with pytest.raises(WeightsError, match=r'file/here cannot be written: Not a directory'):
        fetch_weights(weights, tmp_path / 'file' / 'here', lambda done, total: None)


def test_the_command_fetches_and_says_how_to_load_it(url, tmp_path, capsys):
    arguments = ['fetch-weights', NAME, '--to', str(tmp_path), '--url', url, '--sha256', SHA256]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert f'fetched, 0.0 MB, sha256 {SHA256} verified' in printed.out
    assert f"create_supernet('{NAME}').load_checkpoint('{tmp_path / NAME}')" in printed.out
    assert f'{NAME}: 0.0 of 0.0 MB, 100%' in printed.err


def test_by_default_it_fetches_into_the_cache(url, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert main(['fetch-weights', NAME, '--url', url, '--sha256', SHA256.upper()]) == 0
    assert (tmp_path / 'dynofa_ros' / NAME).read_bytes() == CONTENT


def test_another_file_than_the_official_one_is_refused_unless_its_sum_is_given(
    url, tmp_path, capsys
):
    assert main(['fetch-weights', NAME, '--to', str(tmp_path), '--url', url]) == 1
    official = '55d835981d8acd1053657a951b18887a724ddcbf'
    assert re.search(f'has git blob .*; expected {official}', capsys.readouterr().err)
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ([], 'name a supernet, or see --list'),
        (['resnet'], "official weights is 'resnet'; expected ofa_mbv3_d234"),
        ([NAME, '--sha256', 'abc'], "sha256 is 'abc'; it must be 64 digits"),
        ([NAME, '--url', 'weights'], "url is 'weights'; it must begin with http://"),
        ([NAME, '--url', 'http://nowhere.invalid/w'], 'no connection to nowhere.invalid'),
    ],
)
def test_what_cannot_be_is_said_in_a_line(arguments, said, tmp_path, capsys):
    assert main(['fetch-weights', *arguments, '--to', str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith('dynofa fetch-weights: ') and said in printed
    assert printed.count('\n') == 1


def test_the_list_says_what_is_here(tmp_path, capsys):
    (tmp_path / NAME).write_bytes(CONTENT)
    assert main(['fetch-weights', '--list', '--to', str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert re.search(rf'{re.escape(NAME)} +0\.0 MB  here\n', printed)
    assert re.search(r'ofa_resnet50 +192\.8 MB  not here\n    https://huggingface\.co/', printed)
