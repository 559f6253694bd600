# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Make the ROS 2 wheels' CMake exports name this environment instead of their build container."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

CONTAINER_INCLUDE = re.compile(r'/opt/python/cp3\d+-cp3\d+/include/python3\.\d+')
CONTAINER_PACKAGES = re.compile(r'/opt/python/cp3\d+-cp3\d+/lib/python3\.\d+/site-packages')


def main() -> None:
    """Patch every CMake file of the environment that runs this, and say how many changed."""
    paths = sysconfig.get_paths()
    changed = 0
    for file in sorted((Path(paths['data']) / 'share').rglob('*.cmake')):
        text = file.read_text(encoding='utf-8')
        patched = CONTAINER_INCLUDE.sub(lambda _: paths['include'], text)
        patched = CONTAINER_PACKAGES.sub(lambda _: paths['purelib'], patched)
        if patched != text:
            file.write_text(patched, encoding='utf-8')
            changed += 1
    print(f'{changed} CMake files patched')


if __name__ == '__main__':
    main()
