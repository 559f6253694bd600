# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The inputs that are kept in the repository: one folder a target, one file an input.

`found-*` reached code that no other input had reached; `failure-*` failed once, and is replayed by
the tests for ever.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

CORPUS = Path(__file__).resolve().parents[1] / 'corpus'
FAILURE, FOUND = 'failure', 'found'


def stored(target: str, corpus: Path = CORPUS) -> dict[str, bytes]:
    """Return the stored inputs of a target by file name."""
    return {file.name: file.read_bytes() for file in sorted((corpus / target).glob('*-*'))}


def store(target: str, data: bytes, *, kind: str, corpus: Path = CORPUS) -> Path:
    """Store an input under a name that depends on its content, and return its path."""
    file = corpus / target / f'{kind}-{hashlib.sha256(data).hexdigest()[:12]}'
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file
