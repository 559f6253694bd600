"""Find and read a YAML file: one of those that are shipped, by name, or any other by path."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.section import Section
from dynofa_ros.share import share_path


def read_file(name_or_path: str, *, folder: str, kind: str) -> Section:
    """Return what a YAML file holds: of this name in `folder` of the share, or of this path.

    Raises PlatformError, which names the file, for one that cannot be read; and, where there is
    none of this name, `kind` and the names there are.
    """
    path = _find(name_or_path, folder=folder, kind=kind)
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PlatformError(
            field='file', value=str(error), expected='a readable YAML file', file=str(path)
        ) from error
    return Section(content, file=str(path))


def _find(name_or_path: str, *, folder: str, kind: str) -> Path:
    if name_or_path.endswith(('.yaml', '.yml')) or os.sep in name_or_path:
        return Path(name_or_path).expanduser()
    try:
        return share_path(f'{folder}/{name_or_path}.yaml')
    except (FileNotFoundError, ValueError) as error:
        raise PlatformError(
            field=kind,
            value=name_or_path,
            expected=f'the path of a YAML file, or one of {", ".join(_shipped(folder))}',
        ) from error


def _shipped(folder: str) -> list[str]:
    try:
        return sorted(path.stem for path in share_path(folder).glob('*.yaml'))
    except FileNotFoundError:
        return []
