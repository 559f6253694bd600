# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Faults of the camera: hostile, broken and changing pictures, and a rate that is not steady."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

from camera import jpeg, picture
from fault import Fault
from rig import Rig

STOPPED = 'frequency settings are as found while nothing runs'
SERVED = 'frames are served'


def pictures(*made: Callable[[], Any]) -> Callable[[Rig], Any]:
    """Return a fault: the camera sends these pictures in turn."""

    def inject(rig: Rig) -> Iterator[None]:
        following = itertools.cycle(made)
        rig.camera.make = lambda: next(following)()
        yield

    return inject


def hostile_jpeg(rig: Rig) -> Iterator[None]:
    """Three JPEGs of some hundred bytes, between good frames, that claim 32,000 x 32,000 pixels."""
    for _ in range(3):
        rig.camera.send(jpeg(claims=(32_000, 32_000)))
        time.sleep(0.3)
    yield


def stops(rig: Rig) -> Iterator[None]:
    """The camera sends nothing."""
    rig.camera.paused = True
    yield


def stutters(rig: Rig) -> Iterator[None]:
    """Bursts at 60 Hz, and pauses of half a second."""
    rig.camera.rate_hz = 60.0
    for _ in range(3):
        rig.camera.paused = False
        time.sleep(0.3)
        rig.camera.paused = True
        time.sleep(0.5)
    yield


def at_60_hz(rig: Rig) -> Iterator[None]:
    """Three times as many frames."""
    rig.camera.rate_hz = 60.0
    yield


def refused(rig: Rig) -> object:
    """Return whether diagnostics count refused images."""
    return rig.warned('refused: image')


FAULTS = (
    Fault(
        'JPEG of 8x8 pixels whose header claims 32,000 x 32,000',
        hostile_jpeg,
        'it is refused, named in diagnostics; a node grows by less than 256 MiB',
        seen=refused,
        gentle=True,
    ),
    Fault(
        'JPEG that ends early',
        pictures(picture, lambda: jpeg(ends_after=0.7)),
        'it is refused, named in diagnostics',
        seen=refused,
        gentle=True,
    ),
    Fault(
        'encoding that does not exist',
        pictures(picture, lambda: _named('nonsense')),
        'it is refused, named in diagnostics',
        seen=refused,
        gentle=True,
        quick=True,
    ),
    Fault(
        'image of fewer bytes than its header states',
        pictures(picture, lambda: _cut(picture())),
        'it is refused, named in diagnostics',
        seen=refused,
        gentle=True,
    ),
    Fault(
        'other size in mid-stream',
        pictures(picture, lambda: picture(640, 480), lambda: picture(32, 24)),
        SERVED,
        gentle=True,
    ),
    Fault(
        'other encoding in mid-stream',
        pictures(
            picture, lambda: picture(encoding='mono8'), lambda: picture(encoding='rgb8'), jpeg
        ),
        SERVED,
        gentle=True,
        quick=True,
    ),
    Fault('camera stops', stops, STOPPED, seen=lambda rig: rig.as_found, gentle=True),
    Fault('camera stutters', stutters, SERVED, gentle=True),
    Fault('camera at 60 Hz', at_60_hz, SERVED, lasts_s=3.0, gentle=True),
)


def _named(encoding: str) -> Any:
    image = picture()
    image.encoding = encoding
    return image


def _cut(image: Any) -> Any:
    image.data = image.data[: len(image.data) // 2]
    return image
