"""Download a file that may be large over a network that may break; go on where it stopped.

urllib of the standard library: it follows redirections and the proxies of the environment and
checks certificates; going on where a download stopped would be our own code in any library.
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
"""Is told the bytes that are here and the bytes there are, None where the server does not say."""


class DownloadError(ValueError):
    """A download that did not come to its end."""


def download(url: str, partial: Path, report: Report, timeout_s: float = 30.0) -> None:
    """Bring a file here; where ``partial`` holds the beginning of it, only the rest.

    What came before an error stays in ``partial``. A server that cannot send the rest, or whose
    file has changed since (ETag), sends all of it again.

    Raises:
        DownloadError: saying what the server, the network or the disk refused.
    """
    if urlsplit(url).scheme not in ('http', 'https') or not urlsplit(url).hostname:
        raise DownloadError(f'url is {url!r}; it must begin with http:// or https:// and a host')
    etag = Path(f'{partial}.etag')
    try:
        start = partial.stat().st_size if partial.exists() else 0
        response = _open(url, start, etag, timeout_s)
        if response is None:  # there is nothing beyond what is here
            return
        with response:
            start, total = _extent(response, start, url)
            _check_space(partial.parent, start, total)
            if start == 0:
                _keep_etag(response, etag)
            with partial.open('ab' if start else 'wb') as file:
                done = _copy(response, file, start, total, report)
    except OSError as error:
        full = '; the same command goes on from there' if error.errno == errno.ENOSPC else ''
        raise DownloadError(f'{partial} cannot be written: {_text(error)}{full}') from error
    if total is not None and done < total:
        raise _cut_off(done, 'the connection was closed')


def _open(url: str, start: int, etag: Path, timeout_s: float) -> HTTPResponse | None:
    """Ask for the bytes from ``start`` on; None where the file ends there."""
    request = Request(url, headers={'User-Agent': 'dynofa_ros', 'Accept-Encoding': 'identity'})
    if start:
        request.add_header('Range', f'bytes={start}-')
        if etag.exists():
            request.add_header('If-Range', etag.read_text())
    try:
        response: HTTPResponse = urlopen(request, timeout=timeout_s)
    except HTTPError as error:
        if error.code == 416 and start:
            whole = re.fullmatch(r'bytes \*/(\d+)', error.headers.get('Content-Range', ''))
            return None if whole and int(whole[1]) == start else _open(url, 0, etag, timeout_s)
        raise DownloadError(f'the server answers {error.code} {error.reason} for {url}') from error
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise DownloadError(
            f'no connection to {urlsplit(url).netloc}: {_text(reason)}; '
            'is there a network? --url takes another address of the file'
        ) from error
    return response


def _extent(response: HTTPResponse, asked: int, url: str) -> tuple[int, int | None]:
    """Return where the answer begins, and the size of the whole file."""
    length = response.headers.get('Content-Length', '')
    if response.status != 206:
        return 0, int(length) if length.isdigit() else None
    extent = re.fullmatch(r'bytes (\d+)-\d+/(\d+|\*)', response.headers.get('Content-Range', ''))
    if extent is None or int(extent[1]) != asked:
        raise DownloadError(
            f'{url} was asked for the bytes from {asked} on and sends '
            f'{response.headers.get("Content-Range")!r}'
        )
    return asked, None if extent[2] == '*' else int(extent[2])


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
        raise _cut_off(file.tell(), error) from error


def _cut_off(done: int, reason: object) -> DownloadError:
    return DownloadError(
        f'cut off after {done / 1e6:.1f} MB: {_text(reason)}; the same command goes on from there'
    )


def _keep_etag(response: HTTPResponse, file: Path) -> None:
    etag = response.headers.get('ETag', '')
    if etag.startswith('"'):  # a weak one, W/"...", does not promise the same bytes
        file.write_text(etag)
    else:
        file.unlink(missing_ok=True)


def _text(reason: object) -> str:
    return (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or repr(reason)
