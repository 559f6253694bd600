# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Simulate a camera that slowly pans and zooms over photographs, and write it to an MCAP rosbag2.

The photographs are sample images that scikit-image and scikit-learn install. Each view follows a
closed path, so that the bag can be played in a loop.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dynofa_ros.bags.image_writer import ImageBagWriter

TOPIC = '/camera/image_raw'
COMPRESSED_TOPIC = '/camera/image_raw/compressed'
FRAME_ID = 'camera'
_ZOOM = 1.2  # mean; near 1, so that the subject stays in view
_ZOOM_SWING = 0.15
_PAN = 0.9  # fraction of the margin that the zoom leaves around the view
_START_TIME_NS = 1_700_000_000_000_000_000


class PhotographError(ValueError):
    """No photograph is installed, or a parameter is out of range."""


@dataclass(frozen=True)
class Photograph:
    """A sample photograph of a Python package, with the author and licence that it states."""

    name: str
    package: str
    file: str
    credit: str

    def path(self) -> Path | None:
        """Return the file; None if it is not installed."""
        try:
            spec = importlib.util.find_spec(self.package)
        except (ImportError, ValueError):
            return None
        folders = spec.submodule_search_locations if spec else None
        paths = [Path(folder) / self.file for folder in folders or ()]
        return next((path for path in paths if path.is_file()), None)


PHOTOGRAPHS = (
    Photograph('cat', 'skimage', 'data/chelsea.png', 'Stefan van der Walt, CC0'),
    Photograph('rocket', 'skimage', 'data/rocket.jpg', 'SpaceX, public domain'),
    Photograph('coffee', 'skimage', 'data/coffee.png', 'Rachel Michetti, CC0'),
    Photograph(
        'pagoda',
        'sklearn',
        'datasets/images/china.jpg',
        'danielbuechele, flickr.com/photos/danielbuechele/6061409035, CC BY 2.0',
    ),
    Photograph('astronaut', 'skimage', 'data/astronaut.png', 'NASA, public domain'),
    Photograph(
        'flower',
        'sklearn',
        'datasets/images/flower.jpg',
        'flickr.com/photos/vultilion/6056698931, CC BY 2.0',
    ),
)


def write_photograph_bag(
    path: str | Path,
    *,
    seconds: float = 24.0,
    rate_hz: float = 12.0,
    width: int = 640,
    height: int = 480,
    seed: int = 0,
    start_time_ns: int = _START_TIME_NS,
    jpeg: bool = False,
    photographs: Sequence[Photograph] = PHOTOGRAPHS,
    progress: Callable[[int, int], None] | None = None,
) -> list[Photograph]:
    """Write the bag and return its photographs, in order.

    Images are rgb8 on /camera/image_raw, or with `jpeg` on /camera/image_raw/compressed. `seed`
    sets the start of each view on its path. `progress` receives (images written, images in all).

    Raises:
        PhotographError: for a parameter out of range, and if no photograph is installed.
        FileExistsError: if `path` exists.
    """
    count = _image_count(seconds=seconds, rate_hz=rate_hz, width=width, height=height)
    shown, pictures = _load(photographs)
    pictures = [_shrunk(picture, width=width, height=height) for picture in pictures]
    phases = np.random.default_rng(seed).uniform(0.0, 1.0, len(shown))
    topic = COMPRESSED_TOPIC if jpeg else TOPIC
    with ImageBagWriter(path, topic=topic, frame_id=FRAME_ID, jpeg=jpeg) as bag:
        for index in range(count):
            shot, part = divmod(index * len(shown), count)
            image = view(
                pictures[shot],
                position=phases[shot] + part / count,
                width=width,
                height=height,
            )
            bag.write(image, stamp_ns=start_time_ns + round(index * 1e9 / rate_hz))
            if progress:
                progress(index + 1, count)
    return shown[: (count - 1) * len(shown) // count + 1]


def view(
    picture: NDArray[np.uint8], *, position: float, width: int, height: int
) -> NDArray[np.uint8]:
    """Return the (height, width, 3) view of an (h, w, 3) picture at `position` on its path.

    The path is closed, with period 1: positions 0.25 and 1.25 give the same view.
    """
    angle = 2.0 * math.pi * position
    zoom = _ZOOM + _ZOOM_SWING * math.sin(angle)
    full_width, full_height = _largest_crop(picture, width=width, height=height)
    crop_width, crop_height = full_width / zoom, full_height / zoom
    rows, columns, _ = picture.shape
    centre_x = columns / 2 + _PAN * (columns - crop_width) / 2 * math.cos(angle)
    centre_y = rows / 2 + _PAN * (rows - crop_height) / 2 * math.sin(2.0 * angle)
    scale = crop_width / width
    # Pixel centres are at half-integers; without the offset the picture drifts while it zooms.
    source = np.array(
        [
            [scale, 0.0, centre_x - crop_width / 2 + scale / 2 - 0.5],
            [0.0, scale, centre_y - crop_height / 2 + scale / 2 - 0.5],
        ]
    )
    image = cv2.warpAffine(
        picture,
        source,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(image, np.uint8)


def _image_count(*, seconds: float, rate_hz: float, width: int, height: int) -> int:
    for name, value in (('seconds', seconds), ('rate_hz', rate_hz)):
        if not (math.isfinite(value) and value > 0):
            raise PhotographError(f'{name} is {value}; expected a finite number above 0')
    for name, value in (('width', width), ('height', height)):
        if not 1 <= value <= 8192:
            raise PhotographError(f'{name} is {value}; expected 1 to 8192 pixels')
    return max(1, round(seconds * rate_hz))


def _load(photographs: Sequence[Photograph]) -> tuple[list[Photograph], list[NDArray[np.uint8]]]:
    shown, pictures = [], []
    for photograph in photographs:
        path = photograph.path()
        picture = None if path is None else cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is not None:
            shown.append(photograph)
            pictures.append(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8))
    if not shown:
        wanted = ', '.join(f'{photograph.package}/{photograph.file}' for photograph in photographs)
        raise PhotographError(
            f'no photograph is installed; expected one of {wanted}: install scikit-image or '
            'scikit-learn'
        )
    return shown, pictures


def _largest_crop(picture: NDArray[np.uint8], *, width: int, height: int) -> tuple[float, float]:
    rows, columns, _ = picture.shape
    scale = min(columns / width, rows / height)
    return width * scale, height * scale


def _shrunk(picture: NDArray[np.uint8], *, width: int, height: int) -> NDArray[np.uint8]:
    """Return the picture, downsampled to the resolution of the widest view to avoid aliasing."""
    crop_width, _ = _largest_crop(picture, width=width, height=height)
    factor = min(1.0, width / crop_width)
    if factor == 1.0:
        return picture
    rows, columns, _ = picture.shape
    size = max(1, round(columns * factor)), max(1, round(rows * factor))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
