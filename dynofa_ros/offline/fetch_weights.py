"""Fetch the official weights of a supernet, whole and verified or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dynofa_ros.offline.download import Report, download
from dynofa_ros.supernet.official_weights import Checksum, OfficialWeights, WeightsError


@dataclass(frozen=True)
class FetchedWeights:
    """A file of weights that is here and is what it should be."""

    path: Path
    size_bytes: int
    verified: Checksum
    """What was expected and found."""
    downloaded: bool
    """Whether it came just now, or was here before."""


def fetch_weights(
    weights: OfficialWeights,
    folder: Path,
    report: Report,
    *,
    url: str | None = None,
    expected: Checksum | None = None,
) -> FetchedWeights:
    """Bring a file of weights into a folder, unless it is there, and verify it.

    ``url`` is another address of the same file; ``expected`` replaces the official checksum. The
    SHA-256 of what came is recorded in ``NAME.sha256``, as ``sha256sum --check`` reads it, and is
    what a file that is here must have from then on.

    Raises:
        DownloadError: if it did not come; what came stays, and the next call goes on from there.
        WeightsError: if its checksum is wrong, naming both; what came is removed.
    """
    path = folder / weights.name
    record = Path(f'{path}.sha256')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return _verify_present(path, expected or _recorded(record) or weights.checksum)
        partial = Path(f'{path}.partial')
        download(url or weights.url, partial, report)
        verified = _verify_download(partial, expected or weights.checksum)
        record.write_text(f'{Checksum.of(partial).digits}  {path.name}\n')
        partial.replace(path)
    except OSError as error:
        raise WeightsError(f'{folder} cannot be written: {error.strerror}') from error
    return FetchedWeights(path, path.stat().st_size, verified, downloaded=True)


def _verify_present(path: Path, expected: Checksum) -> FetchedWeights:
    found = Checksum.of(path, expected.kind)
    if found != expected:
        raise WeightsError(
            f'{path} has {found}; expected {expected.digits}: remove it to fetch it again'
        )
    return FetchedWeights(path, path.stat().st_size, found, downloaded=False)


def _verify_download(partial: Path, expected: Checksum) -> Checksum:
    found = Checksum.of(partial, expected.kind)
    Path(f'{partial}.etag').unlink(missing_ok=True)
    if found != expected:
        partial.unlink()
        raise WeightsError(
            f'what came has {found}; expected {expected.digits}: it is damaged or another file, '
            'and is removed'
        )
    return found


def _recorded(record: Path) -> Checksum | None:
    """Return the SHA-256 that was recorded when the file came, if it was."""
    if not record.exists():
        return None
    return Checksum('sha256', record.read_text().partition(' ')[0])
