# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The one image that waits for an application, and how many newer ones replaced.

Images are not queued: a newer one replaces the one that waits. An image that is replaced while a
frame runs lies between that frame and the next, so the next frame reports it as skipped.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Image = TypeVar('Image')


class LatestImage(Generic[Image]):
    """At most one waiting image. Not thread-safe: the node's mailbox holds a lock around it."""

    def __init__(self) -> None:
        self._waiting: tuple[Image] | None = None  # a tuple, because None may be an image
        self._replaced = 0

    def __bool__(self) -> bool:
        """Return whether an image waits."""
        return self._waiting is not None

    def put(self, image: Image) -> Image | None:
        """Let an image wait; return the one that it replaces, or None."""
        before, self._waiting = self._waiting, (image,)
        if before is None:
            return None
        self._replaced += 1
        return before[0]

    def take(self) -> tuple[Image, int]:
        """Return the waiting image, and how many were replaced since the previous one was taken.

        Raises LookupError if none waits.
        """
        if self._waiting is None:
            raise LookupError('no image waits')
        (image,), self._waiting = self._waiting, None
        replaced, self._replaced = self._replaced, 0
        return image, replaced
