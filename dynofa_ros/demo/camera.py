# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Camera of the demo: a bag of the user, or a generated bag of photographs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from dynofa_ros.atomic_file import write_text
from dynofa_ros.bags.reader import Bag, BagError
from dynofa_ros.bags.topics import listing
from dynofa_ros.demo.photographs import write_photograph_bag

BAG_SECONDS = 24.0
RATE_HZ = 12.0


@dataclass(frozen=True)
class Camera:
    """A bag, and its topic that is played as the camera."""

    bag: Path
    topic: str
    compressed: bool
    credits: tuple[str, ...] = ()

    @property
    def remap(self) -> str:
        """Remapping of the bag player from this topic to that of the perception node."""
        return f'{self.topic}:={"image/compressed" if self.compressed else "image"}'


def camera_of(bag: Path) -> Camera:
    """Return the first image topic of a bag.

    Raises:
        BagError: if the bag cannot be read, or has no images; lists its topics.
    """
    with Bag(bag) as opened:
        for topic in opened.topics:
            if topic.is_image:
                return Camera(bag, topic.name, topic.type.endswith('CompressedImage'))
        raise BagError(f'bag {str(bag)!r} has no images; it has: {listing(opened.topics)}')


def photograph_camera(folder: Path) -> Camera:
    """Return the bag of photographs in a folder, written there unless it exists."""
    bag, credits = folder / 'photographs', folder / 'photographs.txt'
    if not credits.exists():
        shutil.rmtree(bag, ignore_errors=True)
        shown = write_photograph_bag(
            bag, seconds=BAG_SECONDS, rate_hz=RATE_HZ, progress=_print_progress
        )
        write_text(credits, ''.join(f'{each.name}: {each.credit}\n' for each in shown))
    return replace(camera_of(bag), credits=tuple(credits.read_text().splitlines()))


def _print_progress(written: int, count: int) -> None:
    if written in (1, count) or written % 96 == 0:
        print(f'  writing the camera bag: {written} of {count} images', flush=True)
