"""Where the demo's images come from: a bag of the user's, or one of photographs that it makes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from dynofa_ros.bags.reader import Bag, BagError
from dynofa_ros.bags.topics import listing
from dynofa_ros.demo.photographs import write_photograph_bag

BAG_SECONDS = 24.0
RATE_HZ = 12.0


@dataclass(frozen=True)
class Camera:
    """A bag, and the topic in it that is played as the camera."""

    bag: Path
    topic: str
    compressed: bool
    credits: tuple[str, ...] = ()

    @property
    def remap(self) -> str:
        """The bag player's remapping to the perception node's topic."""
        return f'{self.topic}:={"image/compressed" if self.compressed else "image"}'


def camera_of(bag: Path) -> Camera:
    """Return the first image topic of a bag.

    Raises:
        BagError: if the bag cannot be read, or holds no images; lists what it holds.
    """
    with Bag(bag) as opened:
        for topic in opened.topics:
            if topic.is_image:
                return Camera(bag, topic.name, topic.type.endswith('CompressedImage'))
        raise BagError(f'{bag} holds no images; it holds: {listing(opened.topics)}')


def photograph_camera(folder: Path) -> Camera:
    """Write the photograph bag into a folder, unless it is there already, and return it.

    It is written under another name first, so that one that was interrupted is not taken for whole.
    """
    bag, credits = folder / 'photographs', folder / 'photographs.txt'
    if not credits.exists():
        for path in (bag, folder / 'partial'):
            shutil.rmtree(path, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        shown = write_photograph_bag(
            folder / 'partial', seconds=BAG_SECONDS, rate_hz=RATE_HZ, progress=_show
        )
        (folder / 'partial').rename(bag)
        credits.write_text(''.join(f'{each.name}: {each.credit}\n' for each in shown))
    camera = camera_of(bag)
    return Camera(
        camera.bag, camera.topic, camera.compressed, tuple(credits.read_text().splitlines())
    )


def _show(written: int, count: int) -> None:
    if written in (1, count) or written % 96 == 0:
        print(f'  writing the camera bag: {written} of {count} images', flush=True)
