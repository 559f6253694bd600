# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Print the requirements of extras of pyproject.toml, one a line, without the package itself.

Usage: python scripts/extra_requirements.py EXTRA...

pip installs an extra only together with its package, and on a robot colcon builds the package.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

PROJECT = Path(__file__).resolve().parent.parent / 'pyproject.toml'
OWN_EXTRAS = re.compile(r'dynofa_ros\[([\w,-]+)\]')


def extra_requirements(*extras: str) -> list[str]:
    """Return the requirements of extras, sorted, each once; extras of extras are followed.

    Raises:
        ValueError: for a name that is no extra.
    """
    known = tomllib.loads(PROJECT.read_text(encoding='utf-8'))['project']['optional-dependencies']
    found: set[str] = set()
    for extra in extras:
        if extra not in known:
            raise ValueError(f'extra is {extra!r}; expected one of {", ".join(sorted(known))}')
        for requirement in known[extra]:
            own = OWN_EXTRAS.fullmatch(requirement)
            found |= set(extra_requirements(*own[1].split(',')) if own else [requirement])
    return sorted(found)


if __name__ == '__main__':
    try:
        print(*extra_requirements(*sys.argv[1:]), sep='\n')
    except ValueError as error:
        sys.exit(f'extra_requirements: {error}')
