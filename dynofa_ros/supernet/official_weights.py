# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The weights that the authors of Once-for-All published: URLs, checksums, local paths.

The URLs of the three files on GitHub include a commit, and their checksums are git's object names
(SHA-1). The ResNet50 is on Hugging Face, because it is too large for GitHub; its checksum is that
of the former git-lfs object (han-cai/files, commit 6538301).
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

_GITHUB = (
    'https://raw.githubusercontent.com/han-cai/files/'
    'a7c9bcd525e17404968bc55aa43772bf7e51909e/ofa/ofa_nets/'
)
_DIGITS = {'sha256': 64, 'git blob': 40}


class WeightsError(ValueError):
    """Official weights that do not exist, or whose checksum does not match."""


@dataclass(frozen=True)
class Checksum:
    """Expected checksum of a file: ``sha256``, or ``git blob`` (git's object name)."""

    kind: str
    digits: str

    def __post_init__(self) -> None:
        """Check kind and digits.

        Raises:
            WeightsError: naming the value and what is allowed.
        """
        if self.kind not in _DIGITS:
            raise WeightsError(f'checksum kind is {self.kind!r}; expected {", ".join(_DIGITS)}')
        count = _DIGITS[self.kind]
        if not re.fullmatch(f'[0-9a-f]{{{count}}}', self.digits):
            raise WeightsError(
                f'{self.kind} is {self.digits!r}; expected {count} digits of 0-9, a-f'
            )

    @classmethod
    def of(cls, path: Path, kind: str = 'sha256') -> Checksum:
        """Compute the checksum of a file."""
        digest = hashlib.sha256()
        if kind == 'git blob':
            digest = hashlib.sha1(f'blob {path.stat().st_size}\0'.encode(), usedforsecurity=False)
        with path.open('rb') as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return cls(kind, digest.hexdigest())

    def __str__(self) -> str:
        """Return kind and digits."""
        return f'{self.kind} {self.digits}'


@dataclass(frozen=True)
class OfficialWeights:
    """A published file of weights."""

    name: str
    url: str
    checksum: Checksum
    limit_bytes: int
    """Size above which a download is another file."""
    size_bytes: int | None = None


# The exact sizes are not published: the limit is 1.25 times the supernet's float32 weights.
_GIT_BLOBS = {
    'ofa_mbv3_d234_e346_k357_w1.0': ('55d835981d8acd1053657a951b18887a724ddcbf', 38_600_000),
    'ofa_mbv3_d234_e346_k357_w1.2': ('d75a3613bae216091f61fc4b7df77d49cc82ed32', 53_900_000),
    'ofa_proxyless_d234_e346_k357_w1.3': ('c97035a7a6fe611508f3bb35ffac0ef77262f5e0', 40_200_000),
}
OFFICIAL_WEIGHTS = {
    name: OfficialWeights(name, _GITHUB + name, Checksum('git blob', digits), limit_bytes)
    for name, (digits, limit_bytes) in _GIT_BLOBS.items()
}
"""By name of the supernet."""
OFFICIAL_WEIGHTS['ofa_resnet50'] = OfficialWeights(
    'ofa_resnet50',
    'https://huggingface.co/han-cai/ofa/resolve/main/ofa_supernet_resnet50',
    Checksum('sha256', '3406a4c852f4573a58e9a01f35406baa4ad3787044ffadc6ea45571ad2b9123a'),
    limit_bytes=192_773_235,
    size_bytes=192_773_235,
)


def official_weights(name: str) -> OfficialWeights:
    """Return the official weights of a supernet.

    Raises:
        WeightsError: if there are none, listing the supernets with official weights.
    """
    if name not in OFFICIAL_WEIGHTS:
        raise WeightsError(
            f'supernet with official weights is {name!r}; expected {", ".join(OFFICIAL_WEIGHTS)}'
        )
    return OFFICIAL_WEIGHTS[name]


def cache_folder() -> Path:
    """Return the folder of fetched weights: $XDG_CACHE_HOME/dynofa_ros or ~/.cache/dynofa_ros."""
    return Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser() / 'dynofa_ros'


def weights_path(name: str, folder: Path | None = None) -> Path:
    """Return the path of a supernet's official weights, for :meth:`Supernet.load_checkpoint`.

    Raises:
        WeightsError: if there are none, or they have not been fetched, with the command that does.
    """
    path = (folder or cache_folder()) / official_weights(name).name
    if not path.is_file():
        to = f' --to {folder}' if folder else ''
        raise WeightsError(f'{path} does not exist; fetch it: dynofa fetch-weights {name}{to}')
    return path
