# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Find the data files that are installed with the code: platforms, models, launch files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PACKAGE = 'dynofa_ros'


def share_path(relative: str) -> Path:
    """Return the path of a file or folder such as ``config/platforms/jetson_xavier_nx.yaml``.

    The first match of: ``share/dynofa_ros`` of every prefix in ``AMENT_PREFIX_PATH`` (a colcon
    workspace), the source checkout that contains this module, and ``share/dynofa_ros`` of the
    Python environment (pip). Raises ValueError for a path that is empty, absolute or outside of the
    share folder, and FileNotFoundError, with all searched paths, where there is no match.
    """
    parts = Path(relative).parts
    if not parts or Path(relative).is_absolute() or '..' in parts:
        raise ValueError(
            f'share path is {relative!r}; expected a relative path without "..", such as '
            "'config/dynofa.yaml'"
        )
    candidates = [root / relative for root in share_roots()]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    searched = ''.join(f'\n  {candidate}' for candidate in candidates)
    raise FileNotFoundError(f'{relative!r} of {PACKAGE} not found; searched:{searched}')


def share_roots() -> list[Path]:
    """Return the folders that may hold the package's files, most specific first."""
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    roots = [Path(prefix) / 'share' / PACKAGE for prefix in prefixes if prefix]
    # resolve(): in a --symlink-install this file is a link into the source checkout.
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / 'package.xml').is_file():
        roots.append(checkout)
    roots.append(Path(sys.prefix) / 'share' / PACKAGE)
    return roots
