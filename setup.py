# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The shared files of a pip installation; everything else is in pyproject.toml."""

from pathlib import Path

from setuptools import setup

SHARE = Path('share/dynofa_ros')


def shared_files() -> list[tuple[str, list[str]]]:
    """Return config/, models/ and launch/ as (installed folder, files) pairs."""
    files = [
        file
        for top in ('config', 'models', 'launch')
        for file in sorted(Path(top).rglob('*'))
        if file.is_file() and not {'__pycache__', 'training'} & set(file.parts)
    ]
    folders = sorted({file.parent for file in files})
    return [
        (str(SHARE / folder), [str(file) for file in files if file.parent == folder])
        for folder in folders
    ]


setup(data_files=shared_files())
