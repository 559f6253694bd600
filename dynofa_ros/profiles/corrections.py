# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Corrections of a profile on disk, so that what one run learned is known at the next start.

They are kept in a file of their own beside the profile, which may be read-only, signed, or shared.
The file holds a digest of the profile: corrections of another one tell nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from dynofa_ros.atomic_file import atomic_write, json_text
from dynofa_ros.config_file import Number, Section, Text, load_file
from dynofa_ros.runtime import Profile
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.ranges import CORRECTION, CORRECTION_STD

SUFFIX = '.corrections.json'


class _Entry(Section):
    subnet_id: Text
    processor: Text
    correction: Annotated[Number, Field(ge=CORRECTION.low, le=CORRECTION.high)]
    correction_std: Annotated[Number, Field(ge=CORRECTION_STD.low, le=CORRECTION_STD.high)]


class _File(Section):
    profile: Text
    corrections: tuple[_Entry, ...]


_FILE = TypeAdapter(_File)


def corrections_file(profile_file: Path) -> Path:
    """Return the file beside that of a profile: `camera.json` has `camera.corrections.json`."""
    return profile_file.with_name(profile_file.stem + SUFFIX)


def save_corrections(
    file: Path, corrections: Mapping[tuple[str, str], Correction], profile: Profile
) -> None:
    """Write corrections, by sub-network and processor, as JSON, atomically.

    Raises:
        ValueError: naming the file that cannot be written.
    """
    document = {
        'profile': _digest(profile),
        'corrections': [
            {
                'subnet_id': subnet_id,
                'processor': processor,
                'correction': each.mean,
                'correction_std': each.std,
            }
            for (subnet_id, processor), each in sorted(corrections.items())
        ],
    }
    with atomic_write(file, what='corrections') as partial:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json_text(document), encoding='utf-8')


def with_corrections(profile: Profile, file: Path) -> Profile:
    """Return the profile with the corrections of a file; without any if they are of another one.

    Raises:
        ValueError: naming the file and what is wrong with it.
    """
    if not file.exists():
        return profile
    stored = load_file(file, _FILE, language='JSON')
    if stored.profile != _digest(profile):
        return profile
    corrections = {
        (each.subnet_id, each.processor): Correction(each.correction, each.correction_std)
        for each in stored.corrections
    }
    return replace(profile, corrections=corrections)


def _digest(profile: Profile) -> str:
    """Return a digest of the operating points, whatever their order."""
    points = sorted(repr(asdict(point)) for point in profile.points)
    return hashlib.sha256('\n'.join(points).encode()).hexdigest()
