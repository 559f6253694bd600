import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dynofa_ros.offline.weights import download as module
from dynofa_ros.offline.weights.download import DownloadError, download
from dynofa_ros.offline.weights.fetch import ProgressLines

CONTENT = bytes(range(256)) * 4000  # 1 MB


class FileServer(ThreadingHTTPServer):
    """Serves one file, as well or as badly as a test says, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.content, self.etag = CONTENT, '"first"'
        self.knows_ranges, self.cut_after, self.tells_length = True, None, True
        self.asked = []

    def handle_error(self, request, client_address):
        """Say nothing of a client that hung up: tests do that."""

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_port}/weights'


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get('Range'))
        if self.path != '/weights':
            self.send_error(404)
            return
        start, whole = 0, len(server.content)
        asked = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', ''))
        if asked and server.knows_ranges and self.headers.get('If-Range') in (None, server.etag):
            start = int(asked[1])
        if start >= whole:
            self.send_response(416)
            self.send_header('Content-Range', f'bytes */{whole}')
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header('Content-Range', f'bytes {start}-{whole - 1}/{whole}')
        if server.tells_length:
            self.send_header('Content-Length', str(whole - start))
        if server.etag:
            self.send_header('ETag', server.etag)
        self.end_headers()
        self.wfile.write(server.content[start : server.cut_after])


@pytest.fixture
def server():
    server = FileServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def partial(tmp_path):
    return tmp_path / 'weights.partial'


def quiet(done, total):
    pass


def cut(server, partial, after=300_000):
    """Download until the server closes the connection."""
    server.cut_after = after
    with pytest.raises(DownloadError, match=r'cut off after 0.3 MB.*goes on from there'):
        download(server.url, partial, quiet)
    server.cut_after = None


def test_a_whole_file_comes(server, partial):
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_a_file_comes_from_a_server_that_does_not_tell_its_size(server, partial):
    server.tells_length = False
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_what_came_before_the_connection_was_cut_stays(server, partial):
    cut(server, partial)
    assert partial.read_bytes() == CONTENT[:300_000]


def test_after_a_cut_only_the_rest_is_asked_for(server, partial):
    cut(server, partial)
    download(server.url, partial, quiet)
    assert server.asked == [None, 'bytes=300000-']
    assert partial.read_bytes() == CONTENT


def test_it_goes_on_without_an_etag_too(server, partial):
    server.etag = ''
    cut(server, partial)
    download(server.url, partial, quiet)
    assert server.asked[1] == 'bytes=300000-'
    assert partial.read_bytes() == CONTENT


def test_a_file_that_changed_since_comes_again_whole(server, partial):
    cut(server, partial)
    server.content, server.etag = CONTENT[::-1], '"second"'
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT[::-1]


def test_a_server_that_knows_no_ranges_sends_all_of_it_again(server, partial):
    server.knows_ranges = False
    cut(server, partial)
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_a_file_that_is_all_there_is_left_as_it_is(server, partial):
    partial.write_bytes(CONTENT)
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_more_than_there_is_is_thrown_away(server, partial):
    partial.write_bytes(CONTENT + b'more')
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_an_answer_from_another_place_than_asked_for_is_refused(server, partial, monkeypatch):
    partial.write_bytes(CONTENT[:10])
    monkeypatch.setattr(Handler, 'send_header', lie_about_the_range(Handler.send_header))
    with pytest.raises(DownloadError, match=r"from 10 on and sends 'bytes 0-9/10'"):
        download(server.url, partial, quiet)


def lie_about_the_range(send_header):
    def send(self, name, value):
        send_header(self, name, 'bytes 0-9/10' if name == 'Content-Range' else value)

    return send


def test_a_file_that_is_not_there_is_said_with_its_address(server, partial):
    with pytest.raises(DownloadError, match=r'the server answers 404 Not Found for http://.*/gone'):
        download(server.url.replace('weights', 'gone'), partial, quiet)


def test_no_server_is_said_with_its_name(partial):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
    refused = rf'no connection to 127\.0\.0\.1:{port}: .*refused.*--url'
    with pytest.raises(DownloadError, match=refused):
        download(f'http://127.0.0.1:{port}/weights', partial, quiet)


def test_no_network_is_said_with_the_name_of_the_host(partial):
    with pytest.raises(DownloadError, match=r'no connection to nowhere\.invalid: .*a network'):
        download('http://nowhere.invalid/weights', partial, quiet)


def test_a_server_that_falls_silent_is_given_up(server, partial, monkeypatch):
    silent = threading.Event()
    monkeypatch.setattr(Handler, 'do_GET', lambda self: silent.wait(20))
    with pytest.raises(DownloadError, match=r'no connection to .*timed out'):
        download(server.url, partial, quiet, timeout_s=0.2)
    silent.set()


@pytest.mark.parametrize('url', ['ftp://host/file', 'file:///etc/passwd', 'weights', 'http:///x'])
def test_what_is_no_address_of_the_web_is_refused(url, partial):
    with pytest.raises(DownloadError, match='must begin with http:// or https://'):
        download(url, partial, quiet)


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='/dev/full: only Linux has it')
def test_a_disk_that_becomes_full_is_said(server, partial):
    partial.symlink_to('/dev/full')
    full = r'cannot be written: No space left.*goes on from there'
    with pytest.raises(DownloadError, match=full):
        download(server.url, partial, quiet)


def test_a_file_that_does_not_fit_the_disk_is_not_begun(server, partial, monkeypatch):
    monkeypatch.setattr(
        module.shutil, 'disk_usage', lambda folder: type('Usage', (), {'free': 1000})()
    )
    with pytest.raises(DownloadError, match=r'0\.0 MB free; the file needs 1\.0 MB'):
        download(server.url, partial, quiet)
    assert not partial.exists()


def test_progress_begins_where_the_download_goes_on_and_ends_at_its_size(server, partial):
    cut(server, partial)
    told = []
    download(server.url, partial, lambda done, total: told.append((done, total)))
    assert told[0] == (300_000, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)


def test_progress_is_a_line_now_and_every_five_seconds_and_at_the_end():
    lines, now = [], iter([0.0, 1.0, 5.0, 6.0, 8.0])
    report = ProgressLines('net', lines.append, clock=lambda: next(now))
    for megabytes in (10, 12, 20, 22, 30):
        report(megabytes * 1_000_000, 30_000_000)
    assert lines == [
        'net: 10.0 of 30.0 MB, 33%',
        'net: 20.0 of 30.0 MB, 67%, 2.0 MB/s',
        'net: 30.0 of 30.0 MB, 100%, 2.5 MB/s',
    ]


def test_progress_without_a_size_says_what_came():
    lines = []
    ProgressLines('net', lines.append, clock=lambda: 0.0)(2_500_000, None)
    assert lines == ['net: 2.5 MB']
