# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Downloads resume after an interruption, and errors name the server, network or disk."""

import errno
import os
import re
import socket
import threading
from contextlib import suppress
from functools import partialmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dynofa_ros.offline.weights import download as module
from dynofa_ros.offline.weights.download import DownloadError
from dynofa_ros.offline.weights.fetch import progress_lines

CONTENT = bytes(range(256)) * 4000  # 1 MB


class FileServer(ThreadingHTTPServer):
    """Serves one file with the faults that a test sets, and records the requested ranges."""

    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.content, self.etag = CONTENT, '"first"'
        self.supports_ranges, self.cut_after, self.sends_length = True, None, True
        self.requested, self.conditions = [], []
        self.stopped = threading.Event()

    def shutdown(self):
        self.stopped.set()
        super().shutdown()

    def handle_error(self, request, client_address):
        """Ignore disconnected clients."""

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_port}/weights'


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server = self.server
        server.requested.append(self.headers.get('Range'))
        server.conditions.append(self.headers.get('If-Range'))
        if self.path != '/weights':
            self.send_error(404)
            return
        start, whole = 0, len(server.content)
        asked = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', ''))
        if asked and server.supports_ranges and self.headers.get('If-Range') in (None, server.etag):
            start = int(asked[1])
        if start >= whole:
            self.send_response(416)
            self.send_header('Content-Range', f'bytes */{whole}')
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header('Content-Range', f'bytes {start}-{whole - 1}/{whole}')
        if server.sends_length:
            self.send_header('Content-Length', str(whole - start))
        if server.etag:
            self.send_header('ETag', server.etag)
        self.end_headers()
        self.wfile.write(server.content[start : server.cut_after])


@pytest.fixture
def server(run_server):
    with run_server(FileServer()) as server:
        yield server


@pytest.fixture
def partial(tmp_path):
    return tmp_path / 'weights.partial'


def download(url, partial, report, **options):
    module.download(url, partial, report, **{'limit_bytes': 2 * len(CONTENT), **options})


def quiet(done, total):
    """Report nothing."""


def cut(server, partial, after=300_000):
    """Download until the server closes the connection."""
    server.cut_after = after
    with pytest.raises(DownloadError, match=r'interrupted after 0.3 MB.*same command resumes it'):
        download(server.url, partial, quiet)
    server.cut_after = None


@pytest.mark.parametrize('sends_length', [True, False])
def test_a_file_is_downloaded_with_and_without_a_known_size(server, partial, sends_length):
    server.sends_length = sends_length
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_bytes_received_before_an_interruption_are_kept(server, partial):
    cut(server, partial)
    assert partial.read_bytes() == CONTENT[:300_000]


@pytest.mark.parametrize('etag', ['"first"', ''])
def test_after_an_interruption_only_the_rest_is_requested(server, partial, etag):
    server.etag = etag
    cut(server, partial)
    download(server.url, partial, quiet)
    assert server.requested == [None, 'bytes=300000-']
    assert partial.read_bytes() == CONTENT


def test_a_file_that_has_changed_is_downloaded_again(server, partial):
    cut(server, partial)
    server.content, server.etag = CONTENT[::-1], '"second"'
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT[::-1]


def test_without_ranges_the_download_starts_over(server, partial):
    server.supports_ranges = False
    cut(server, partial)
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT


@pytest.mark.parametrize('present', [CONTENT, CONTENT + b'more'])
def test_a_complete_file_is_kept_and_a_longer_one_replaced(server, partial, present):
    partial.write_bytes(present)
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_a_response_with_another_range_is_rejected(server, partial, monkeypatch):
    partial.write_bytes(CONTENT[:10])
    original = Handler.send_header
    monkeypatch.setattr(
        Handler,
        'send_header',
        lambda self, name, value: original(
            self, name, 'bytes 0-9/10' if name == 'Content-Range' else value
        ),
    )
    with pytest.raises(DownloadError, match=r"is 'bytes 0-9/10'; expected bytes from 10 on"):
        download(server.url, partial, quiet)


def test_a_missing_file_is_reported_with_its_address(server, partial):
    with pytest.raises(DownloadError, match=r'the server answers 404 Not Found for http://.*/gone'):
        download(server.url.replace('weights', 'gone'), partial, quiet)


def test_an_unreachable_server_is_named(partial):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
    refused = rf'no connection to 127\.0\.0\.1:{port}: .*refused.*--url'
    with pytest.raises(DownloadError, match=refused):
        download(f'http://127.0.0.1:{port}/weights', partial, quiet)


def test_an_unknown_host_is_named(partial):
    with pytest.raises(DownloadError, match=r'no connection to nowhere\.invalid: .*the network'):
        download('http://nowhere.invalid/weights', partial, quiet)


def test_a_server_that_does_not_answer_times_out(server, partial, monkeypatch):
    silent = threading.Event()
    monkeypatch.setattr(Handler, 'do_GET', lambda self: silent.wait(20))
    with pytest.raises(DownloadError, match=r'no connection to .*timed out'):
        download(server.url, partial, quiet, stall_s=0.2)
    silent.set()


@pytest.mark.parametrize('url', ['ftp://host/file', 'file:///etc/passwd', 'weights', 'http:///x'])
def test_an_address_without_http_or_host_is_rejected(url, partial):
    with pytest.raises(DownloadError, match='expected http:// or https:// and a host'):
        download(url, partial, quiet)


def test_a_full_disk_is_reported(server, partial, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, 'No space left on device')

    server.etag = ''
    monkeypatch.setattr(module.os, 'fsync', full)
    message = r'cannot be written: No space left.*same command resumes it'
    with pytest.raises(DownloadError, match=message):
        download(server.url, partial, quiet)


@pytest.mark.parametrize('sends_length', [True, False])
def test_a_file_that_is_too_large_is_not_written_beyond_the_limit(server, partial, sends_length):
    server.sends_length = sends_length
    limit = r'size is 1\.0 MB; expected at most' if sends_length else r'sends more than 0\.9 MB'
    with pytest.raises(DownloadError, match=f'{limit}.*another file'):
        download(server.url, partial, quiet, limit_bytes=900_000)
    assert not partial.exists() or partial.stat().st_size <= 900_000


def test_a_partial_file_above_the_limit_starts_over(server, partial):
    partial.write_bytes(b'x' * (len(CONTENT) + 1))
    download(server.url, partial, quiet, limit_bytes=len(CONTENT))
    assert server.requested == [None]
    assert partial.read_bytes() == CONTENT


@pytest.fixture
def victim(tmp_path):
    """A file of somebody else that no download may touch."""
    file = tmp_path / 'victim'
    file.write_text('precious')
    yield file
    assert file.read_text() == 'precious'


@pytest.mark.parametrize('link', [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize('suffix', ['', '.etag'])
def test_a_link_in_place_of_a_file_is_replaced(server, partial, victim, link, suffix):
    link(Path(f'{partial}{suffix}'), victim)
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT
    assert partial.lstat().st_nlink == 1


def test_a_pipe_in_place_of_a_file_is_replaced(server, partial):
    os.mkfifo(partial)
    download(server.url, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_a_file_that_is_swapped_for_a_link_during_the_request_is_not_followed(
    server, partial, victim, monkeypatch
):
    cut(server, partial)
    original = module._open

    def swap(*arguments):
        partial.unlink()
        partial.symlink_to(victim)
        return original(*arguments)

    monkeypatch.setattr(module, '_open', swap)
    with pytest.raises(DownloadError, match='cannot be written: Too many levels of symbolic'):
        download(server.url, partial, quiet)


def test_only_an_etag_is_sent_to_the_server(server, partial, victim):
    cut(server, partial)
    Path(f'{partial}.etag').write_text('root:x:0:0\r\nX-Header: 1')
    download(server.url, partial, quiet)
    assert server.conditions == [None, None]


def drip(self, *, header):
    """Send a byte every 10 ms, of the header or of the content."""
    self.server.requested.append(None)
    if not header:
        self.send_response(200)
        self.end_headers()
    with suppress(OSError):  # the client closes the connection
        self.wfile.write(b'HTTP/1.1 200 OK\r\n' if header else b'x')
        while not self.server.stopped.wait(0.01):
            self.wfile.write(b'x')
            self.wfile.flush()


def test_a_server_that_sends_single_bytes_has_stalled(server, partial, monkeypatch):
    monkeypatch.setattr(Handler, 'do_GET', partialmethod(drip, header=False))
    with pytest.raises(DownloadError, match=r'interrupted after .* only \d+ bytes in 0\.2 s'):
        download(server.url, partial, quiet, stall_s=0.2)


@pytest.mark.parametrize('header', [True, False], ids=['header', 'content'])
def test_a_download_has_a_limit_of_time(server, partial, monkeypatch, header):
    monkeypatch.setattr(Handler, 'do_GET', partialmethod(drip, header=header))
    with pytest.raises(DownloadError, match=r'not complete after 0\.3 s'):
        download(server.url, partial, quiet, total_s=0.3)


def test_a_file_larger_than_the_free_space_is_not_started(server, partial, monkeypatch):
    monkeypatch.setattr(
        module.shutil, 'disk_usage', lambda folder: type('Usage', (), {'free': 1000})()
    )
    with pytest.raises(DownloadError, match=r'0\.0 MB free; the file needs 1\.0 MB'):
        download(server.url, partial, quiet)
    assert not partial.exists()


def test_progress_starts_at_the_resumed_byte_and_ends_at_the_size(server, partial):
    cut(server, partial)
    reported = []
    download(server.url, partial, lambda done, total: reported.append((done, total)))
    assert reported[0] == (300_000, len(CONTENT))
    assert reported[-1] == (len(CONTENT), len(CONTENT))
    assert reported == sorted(reported)


def test_progress_is_a_line_at_the_start_every_five_seconds_and_at_the_end():
    lines, now = [], iter([0.0, 1.0, 5.0, 6.0, 8.0])
    report = progress_lines('net', lines.append, clock=lambda: next(now))
    for megabytes in (10, 12, 20, 22, 30):
        report(megabytes * 1_000_000, 30_000_000)
    assert lines == [
        'net: 10.0 of 30.0 MB, 33%',
        'net: 20.0 of 30.0 MB, 67%, 2.0 MB/s',
        'net: 30.0 of 30.0 MB, 100%, 2.5 MB/s',
    ]


def test_progress_without_a_size_states_the_bytes_received():
    lines = []
    progress_lines('net', lines.append, clock=lambda: 0.0)(2_500_000, None)
    assert lines == ['net: 2.5 MB']
