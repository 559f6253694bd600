# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A camera that counts what it sends, and that can be made to misbehave."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from dynofa_ros.nodes.qos import qos_profile

RATE_HZ = 20.0
# A node that does not subscribe by then is not running.
SUBSCRIBED_S = 3.0
SETTLED_S = 0.2


def picture(width: int = 64, height: int = 48, encoding: str = 'bgr8') -> Any:
    """Return an image message of a smooth gradient."""
    channels = 1 if encoding == 'mono8' else 3
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.dstack((x, y, (x + y) / 2))[..., :channels].astype(np.uint8)
    return Image(
        width=width,
        height=height,
        encoding=encoding,
        step=width * channels,
        data=np.ascontiguousarray(pixels).tobytes(),
    )


def jpeg(*, claims: tuple[int, int] | None = None, ends_after: float = 1.0) -> Any:
    """Return a JPEG of 8x8 pixels.

    `claims`: height and width that its header states instead; `ends_after`: fraction of the file.
    """
    data = bytearray(cv2.imencode('.jpg', np.full((8, 8, 3), 128, np.uint8))[1].tobytes())
    if claims is not None:
        frame = data.index(b'\xff\xc0')  # start of frame: marker, length, precision, height, width
        data[frame + 5 : frame + 9] = b''.join(size.to_bytes(2, 'big') for size in claims)
    return CompressedImage(format='jpeg', data=bytes(data[: int(len(data) * ends_after)]))


class Camera:
    """Publishes `make()` at `rate_hz` in a thread, unless `paused`."""

    def __init__(self, node: Any) -> None:
        self.rate_hz = RATE_HZ
        self.make: Callable[[], Any] = picture
        self.paused = True
        self.sent: dict[str, float] = {}
        """Time at which each frame was sent [monotonic s], by frame_id."""
        self._node = node
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._publisher = node.create_publisher(Image, 'image', qos_profile('image'))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name='camera', daemon=True)
        self._thread.start()

    def send(self, message: Any) -> str:
        """Publish one image now; return its frame_id."""
        with self._lock:
            frame_id = f'camera/{next(self._numbers)}'
            message.header.frame_id = frame_id
            message.header.stamp = self._node.get_clock().now().to_msg()
            before, publisher = self._publisher, self._offer(type(message))
            self.sent[frame_id] = time.monotonic()
            publisher.publish(message)
            if publisher is not before:  # one that is replaced is noticed from the second on
                time.sleep(SETTLED_S)
        return frame_id

    def _offer(self, kind: type) -> Any:
        """Return the only publisher of images, of this type: the node subscribes to one topic.

        A new one is returned once somebody subscribes, as a lazy driver waits for that. What was
        sent before is received before its publisher goes, and both sides know each other: images
        that DDS loses between two publishers are nobody's to account for.
        """
        if self._publisher.msg_type is not kind:
            time.sleep(SETTLED_S)
            self._node.destroy_publisher(self._publisher)
            topic = 'image/compressed' if kind is CompressedImage else 'image'
            self._publisher = self._node.create_publisher(kind, topic, qos_profile(topic))
            end_s = time.monotonic() + SUBSCRIBED_S
            while not self._publisher.get_subscription_count() and time.monotonic() < end_s:
                time.sleep(0.01)
            time.sleep(SETTLED_S)
        return self._publisher

    def reset(self) -> None:
        """Send what it sends without a fault."""
        self.rate_hz, self.make, self.paused = RATE_HZ, picture, False

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._ended.wait(max(due_s - time.monotonic(), 0.0)):
            due_s = max(due_s, time.monotonic()) + 1 / self.rate_hz
            if not self.paused:
                self.send(self.make())
