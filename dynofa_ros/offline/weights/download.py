# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Resumable download of a large file over an unreliable network.

Uses urllib of the standard library, which follows redirections and proxy variables and verifies
certificates; resuming would be our own code with any library. The server is not trusted: size and
duration are limited, and nothing but the caller's own regular file is written.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from dynofa_ros.atomic_file import write_text

_BLOCK = 1 << 18
STALL_S = 30.0
STALL_BYTES = 1 << 16
"""A connection that transfers less than this within STALL_S has stalled: 2 kB/s."""
TOTAL_S = 3600.0
"""Limit of one call; the next one resumes."""
Report = Callable[[int, int | None], None]
"""Receives the bytes downloaded and the size of the file, None if the server does not state it."""


_ETAG_BYTES = 256
# A weak ETag, W/"...", does not guarantee identical bytes.
_ETAG = re.compile(rf'"[!#-~]{{1,{_ETAG_BYTES - 2}}}"')


class DownloadError(ValueError):
    """An incomplete download."""


def download(
    url: str,
    partial: Path,
    report: Report,
    *,
    limit_bytes: int,
    stall_s: float = STALL_S,
    total_s: float = TOTAL_S,
) -> None:
    """Download a file to ``partial``, resuming after the bytes that it already holds.

    After an error the bytes received so far remain in ``partial``. If the server does not support
    ranges, or its file has changed since (ETag), the download starts over; likewise if ``partial``
    is a link, belongs to another user, or holds more than ``limit_bytes``.

    Raises:
        DownloadError: with the error of the server, the network or the disk; for a file of more
            than ``limit_bytes``; if the connection stalls for ``stall_s``, or the download takes
            longer than ``total_s``.
    """
    if urlsplit(url).scheme not in ('http', 'https') or not urlsplit(url).hostname:
        raise DownloadError(f'url is {url!r}; expected http:// or https:// and a host')
    etag = Path(f'{partial}.etag')
    try:
        with _deadline(total_s) as watch:
            start = _resumable_bytes(partial, limit_bytes)
            response = _open(url, start, etag, _opener(watch), stall_s)
            if response is None:  # already complete
                return
            with response:
                start, total = _extent(response, start, url)
                _check_size(url, total, limit_bytes)
                _check_space(partial.parent, start, total)
                if start == 0:
                    _save_etag(response, etag)
                with _open_partial(partial, start) as file:
                    done = _copy(response, file, start, total, report, limit_bytes, stall_s)
                if total is not None and done < total:
                    raise _interrupted(done, 'the connection was closed')
    except OSError as error:
        resume = '; the same command resumes it' if error.errno == errno.ENOSPC else ''
        raise DownloadError(f'{partial} cannot be written: {_text(error)}{resume}') from error


@contextmanager
def _deadline(seconds: float) -> Iterator[Callable[[socket.socket], None]]:
    """Yield a function that watches a connection, and shut the watched ones down after a time.

    The time-out of a socket holds for each read alone, so a server that sends one byte of its
    header at a time could go on for ever.
    """
    passed = threading.Event()
    with ExitStack() as watched:
        connections: list[socket.socket] = []

        def watch(connection: socket.socket) -> None:
            # Another descriptor of the same connection, because TLS takes over the original one.
            connections.append(watched.enter_context(connection.dup()))

        def shut_down() -> None:
            passed.set()
            for each in connections:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, shut_down)
        timer.daemon = True
        timer.start()
        reason = 'the connection was closed'
        try:
            yield watch
        except DownloadError as error:
            if not passed.is_set():
                raise
            reason = str(error)
        finally:
            timer.cancel()
            timer.join()
        if passed.is_set():
            raise DownloadError(f'not complete after {seconds:g} s: {reason}')


def _opener(watch: Callable[[socket.socket], None]) -> OpenerDirector:
    """Return an opener for HTTP and HTTPS that lets ``watch`` have each connection."""

    def create_connection(*arguments: Any, **options: Any) -> socket.socket:
        connection = socket.create_connection(*arguments, **options)
        watch(connection)
        return connection

    def watched(kind: type[HTTPConnection]) -> Callable[..., HTTPConnection]:
        def connect(*arguments: Any, **options: Any) -> HTTPConnection:
            made = kind(*arguments, **options)
            made._create_connection = create_connection  # type: ignore[attr-defined]
            return made

        return connect

    class Http(HTTPHandler):
        def http_open(self, request: Request) -> HTTPResponse:
            return self.do_open(watched(HTTPConnection), request)

    class Https(HTTPSHandler):
        def https_open(self, request: Request) -> HTTPResponse:
            return self.do_open(watched(HTTPSConnection), request)

    return build_opener(Http, Https)


def _open(
    url: str, start: int, etag: Path, opener: OpenerDirector, timeout_s: float
) -> HTTPResponse | None:
    """Request the bytes from ``start`` on; None if the file ends there."""
    request = Request(url, headers={'User-Agent': 'dynofa_ros', 'Accept-Encoding': 'identity'})
    if start:
        request.add_header('Range', f'bytes={start}-')
        if known := _read_etag(etag):
            request.add_header('If-Range', known)
    try:
        response: HTTPResponse = opener.open(request, timeout=timeout_s)
    except HTTPError as error:
        if error.code == 416 and start:
            size = re.fullmatch(r'bytes \*/(\d+)', error.headers.get('Content-Range', ''))
            complete = size is not None and int(size[1]) == start
            return None if complete else _open(url, 0, etag, opener, timeout_s)
        raise DownloadError(f'the server answers {error.code} {error.reason} for {url}') from error
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise DownloadError(
            f'no connection to {urlsplit(url).netloc}: {_text(reason)}; '
            'check the network, or name another address of the file with --url'
        ) from error
    return response


def _extent(response: HTTPResponse, requested: int, url: str) -> tuple[int, int | None]:
    """Return the offset of the first byte in the response, and the size of the whole file."""
    length = response.headers.get('Content-Length', '')
    if response.status != 206:
        return 0, int(length) if length.isdigit() else None
    content_range = response.headers.get('Content-Range', '')
    extent = re.fullmatch(r'bytes (\d+)-\d+/(\d+|\*)', content_range)
    if extent is None or int(extent[1]) != requested:
        raise DownloadError(
            f'{url}: Content-Range is {content_range!r}; expected bytes from {requested} on'
        )
    return requested, None if extent[2] == '*' else int(extent[2])


def _check_space(folder: Path, start: int, total: int | None) -> None:
    free = shutil.disk_usage(folder).free
    if total is not None and total - start > free:
        raise DownloadError(
            f'{folder} has {free / 1e6:.1f} MB free; the file needs {(total - start) / 1e6:.1f} MB'
        )


def _check_size(url: str, size: int | None, limit_bytes: int) -> None:
    if size is not None and size > limit_bytes:
        raise DownloadError(
            f'{url}: size is {size / 1e6:.1f} MB; expected at most {limit_bytes / 1e6:.1f} MB: '
            'it is another file'
        )


def _resumable_bytes(partial: Path, limit_bytes: int) -> int:
    """Return the size of what can be resumed: a regular file of this user, without other names."""
    try:
        found = partial.lstat()
    except FileNotFoundError:
        return 0
    own = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1
    return found.st_size if own and found.st_size <= limit_bytes else 0


def _open_partial(partial: Path, start: int) -> BinaryIO:
    """Open the file to append to it, or create it; a link in its place is never followed."""
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    if start:
        file = os.fdopen(os.open(partial, flags | os.O_APPEND | os.O_NONBLOCK), 'ab')
        found = os.fstat(file.fileno())
        if (found.st_size, found.st_nlink, found.st_uid) == (start, 1, os.geteuid()):
            return file
        file.close()
        raise DownloadError(f'{partial} was changed by another process; run the command again')
    partial.unlink(missing_ok=True)
    return os.fdopen(os.open(partial, flags | os.O_CREAT | os.O_EXCL, 0o666), 'wb')


def _copy(
    response: HTTPResponse,
    file: BinaryIO,
    done: int,
    total: int | None,
    report: Report,
    limit_bytes: int,
    stall_s: float,
) -> int:
    report(done, total)
    for block in _blocks(response, done, stall_s):
        if done + len(block) > limit_bytes:
            raise DownloadError(
                f'the server sends more than {limit_bytes / 1e6:.1f} MB, the limit of this file: '
                'it is another file'
            )
        file.write(block)
        done += len(block)
        report(done, total)
    file.flush()
    os.fsync(file.fileno())
    return done


def _blocks(response: HTTPResponse, done: int, stall_s: float) -> Iterator[bytes]:
    window_s, received = time.monotonic(), 0
    try:
        while block := response.read1(_BLOCK):
            yield block
            done, received = done + len(block), received + len(block)
            if received >= STALL_BYTES:
                window_s, received = time.monotonic(), 0
            elif time.monotonic() - window_s > stall_s:
                raise _interrupted(done, f'only {received} bytes in {stall_s:g} s')
    except (OSError, HTTPException) as error:
        raise _interrupted(done, error) from error


def _interrupted(done: int, reason: object) -> DownloadError:
    return DownloadError(
        f'interrupted after {done / 1e6:.1f} MB: {_text(reason)}; the same command resumes it'
    )


def _save_etag(response: HTTPResponse, file: Path) -> None:
    etag = response.headers.get('ETag', '')
    if not _ETAG.fullmatch(etag):
        file.unlink(missing_ok=True)
        return
    try:
        write_text(file, etag)
    except ValueError as error:
        raise DownloadError(str(error)) from error


def _read_etag(file: Path) -> str:
    """Return the saved ETag; empty if there is none, so that no other text is sent to a server."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ''
    with os.fdopen(descriptor, 'rb') as stream:
        etag = stream.read(_ETAG_BYTES + 1).decode('latin-1')
    return etag if _ETAG.fullmatch(etag) else ''


def _text(reason: object) -> str:
    return (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or repr(reason)
