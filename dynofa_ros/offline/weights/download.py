"""Resumable download of a large file over an unreliable network.

Uses urllib of the standard library, which follows redirections and proxy variables and verifies
certificates; resuming would be our own code with any library.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

_BLOCK = 1 << 18
Report = Callable[[int, int | None], None]
"""Receives the bytes downloaded and the size of the file, None if the server does not state it."""


class DownloadError(ValueError):
    """An incomplete download."""


def download(url: str, partial: Path, report: Report, timeout_s: float = 30.0) -> None:
    """Download a file to ``partial``, resuming after the bytes that it already holds.

    After an error the bytes received so far remain in ``partial``. If the server does not support
    ranges, or its file has changed since (ETag), the download starts over.

    Raises:
        DownloadError: with the error of the server, the network or the disk.
    """
    if urlsplit(url).scheme not in ('http', 'https') or not urlsplit(url).hostname:
        raise DownloadError(f'url is {url!r}; expected http:// or https:// and a host')
    etag = Path(f'{partial}.etag')
    try:
        start = partial.stat().st_size if partial.exists() else 0
        response = _open(url, start, etag, timeout_s)
        if response is None:  # already complete
            return
        with response:
            start, total = _extent(response, start, url)
            _check_space(partial.parent, start, total)
            if start == 0:
                _save_etag(response, etag)
            with partial.open('ab' if start else 'wb') as file:
                done = _copy(response, file, start, total, report)
    except OSError as error:
        resume = '; the same command resumes it' if error.errno == errno.ENOSPC else ''
        raise DownloadError(f'{partial} cannot be written: {_text(error)}{resume}') from error
    if total is not None and done < total:
        raise _interrupted(done, 'the connection was closed')


def _open(url: str, start: int, etag: Path, timeout_s: float) -> HTTPResponse | None:
    """Request the bytes from ``start`` on; None if the file ends there."""
    request = Request(url, headers={'User-Agent': 'dynofa_ros', 'Accept-Encoding': 'identity'})
    if start:
        request.add_header('Range', f'bytes={start}-')
        if etag.exists():
            request.add_header('If-Range', etag.read_text())
    try:
        response: HTTPResponse = urlopen(request, timeout=timeout_s)
    except HTTPError as error:
        if error.code == 416 and start:
            size = re.fullmatch(r'bytes \*/(\d+)', error.headers.get('Content-Range', ''))
            return None if size and int(size[1]) == start else _open(url, 0, etag, timeout_s)
        raise DownloadError(f'the server answers {error.code} {error.reason} for {url}') from error
    except (OSError, HTTPException) as error:
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


def _copy(
    response: HTTPResponse, file: BinaryIO, done: int, total: int | None, report: Report
) -> int:
    report(done, total)
    for block in _blocks(response, file):
        file.write(block)
        done += len(block)
        report(done, total)
    file.flush()
    os.fsync(file.fileno())
    return done


def _blocks(response: HTTPResponse, file: BinaryIO) -> Iterator[bytes]:
    try:
        while block := response.read(_BLOCK):
            yield block
    except (OSError, HTTPException) as error:
        raise _interrupted(file.tell(), error) from error


def _interrupted(done: int, reason: object) -> DownloadError:
    return DownloadError(
        f'interrupted after {done / 1e6:.1f} MB: {_text(reason)}; the same command resumes it'
    )


def _save_etag(response: HTTPResponse, file: Path) -> None:
    etag = response.headers.get('ETag', '')
    if etag.startswith('"'):  # a weak ETag, W/"...", does not guarantee identical bytes
        file.write_text(etag)
    else:
        file.unlink(missing_ok=True)


def _text(reason: object) -> str:
    return (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or repr(reason)
