# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A camera process that publishes pictures until SIGINT, or a number of frames.

The pictures are random, with detail at every scale as in a photograph. Two frames are at least one
period apart, so a delayed camera does not flood its subscribers. Several topics are published
alternately, block by block: only one subscriber has work at a time.

The ``frame_id`` is NAME/INDEX, counted per topic; the first frames are named ``warm-up`` and not
counted.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import rclpy
from machine import count
from numpy.typing import NDArray
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage, Image

from dynofa_ros.atomic_file import write_json
from dynofa_ros.nodes.qos import qos_profile

PICTURES = 4
"""Number of different pictures."""
GRAINS = (4, 16, 64, 256)
"""Patches along the height of a picture, by layer; finer layers have less contrast."""
WARM_UPS = 30
PATIENCE_S = 60.0
JPEG_QUALITY = 90


class Pace:
    """Limits the frame rate: two frames are at least one period apart."""

    def __init__(self, rate_hz: float) -> None:
        self._period_s = 1 / rate_hz
        self._next_s = time.monotonic()
        self.periods_s: list[float] = []
        """Measured times between frames."""

    def wait(self) -> None:
        """Sleep until the next frame is due."""
        time.sleep(max(self._next_s - time.monotonic(), 0))
        now_s = time.monotonic()
        self.periods_s.append(now_s - self._next_s + self._period_s)
        self._next_s = now_s + self._period_s


def picture(width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """Return a random (height, width, 3) picture with detail at every scale."""
    noise = np.random.default_rng(seed)
    made = np.full((height, width, 3), 128, np.float32)
    for number, grain in enumerate(GRAINS):
        shape = (grain, max(grain * width // height, 1), 3)
        patches = noise.standard_normal(shape, np.float32) * np.float32(40 / 2**number)
        made += cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(made, 0, 255).astype(np.uint8)


def image_message(pixels: NDArray[np.uint8], *, jpeg: bool) -> Any:
    """Return an image message of BGR pixels, raw or as JPEG."""
    if jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        encoded = cv2.imencode('.jpg', pixels, quality)[1].tobytes()
        return CompressedImage(format='jpeg', data=array('B', encoded))
    height, width = pixels.shape[:2]
    data: Any = array('B', pixels.tobytes())
    return Image(height=height, width=width, encoding='bgr8', step=3 * width, data=data)


def blocks(topics: int, frames: int, block: int) -> Iterator[tuple[int, int]]:
    """Yield (topic, index) in alternating blocks; ``frames`` of each topic, without end if 0."""
    for start in itertools.count(0, block):
        if frames and start >= frames:
            return
        end = min(start + block, frames) if frames else start + block
        for topic in range(topics):
            for index in range(start, end):
                yield topic, index


class Camera:
    """The node that publishes the pictures."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._node = rclpy.create_node('camera', namespace=options.namespace)
        kind = CompressedImage if options.jpeg else Image
        suffix = '/compressed' if options.jpeg else ''
        self._topics: list[str] = options.topics
        self._publishers = [
            self._node.create_publisher(kind, topic + suffix, qos_profile('image' + suffix))
            for topic in options.topics
        ]
        self._messages = [
            image_message(picture(options.width, options.height, seed), jpeg=options.jpeg)
            for seed in range(PICTURES)
        ]
        self._options = options
        self._stopped = False
        self.sent = [0] * len(options.topics)
        self.publish_s: list[float] = []

    def stop(self, *_: object) -> None:
        """Stop publishing; a signal handler."""
        self._stopped = True

    def run(self) -> dict[str, Any]:
        """Publish until stopped or done; return the figures of the published frames."""
        end_s = time.monotonic() + PATIENCE_S
        while not all(each.get_subscription_count() for each in self._publishers):
            if time.monotonic() > end_s:
                raise ValueError(f'{self._topics} had no subscribers for {PATIENCE_S:g} s')
            time.sleep(0.05)
        options, pace = self._options, Pace(self._options.rate)
        for index, topic in itertools.product(range(WARM_UPS), range(len(self._topics))):
            pace.wait()
            self._send(topic, f'warm-up/{index}')
        time.sleep(0.5)  # so that no frame replaces a warm-up frame
        pace = Pace(options.rate)
        self.publish_s.clear()
        for topic, index in blocks(len(self._topics), options.frames, options.block):
            pace.wait()
            if self._stopped:
                break
            self._send(topic, f'{options.name}/{index}')
            self.sent[topic] += 1
        return {
            'sent': dict(zip(self._topics, self.sent, strict=True)),
            'rate_hz': 1 / median(pace.periods_s),
            'message_bytes': len(self._messages[0].data),
            'publish_s': median(self.publish_s) if self.publish_s else float('nan'),
        }

    def _send(self, topic: int, frame_id: str) -> None:
        message = self._messages[len(self.publish_s) % PICTURES]
        message.header.frame_id = frame_id
        message.header.stamp = self._node.get_clock().now().to_msg()
        start_s = time.perf_counter()
        self._publishers[topic].publish(message)
        self.publish_s.append(time.perf_counter() - start_s)


def main() -> int:
    """Publish, then write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--namespace', required=True)
    parser.add_argument('--name', required=True, help='first part of the frame ids')
    parser.add_argument('--topics', nargs='+', default=['image'])
    parser.add_argument('--width', type=count, default=640)
    parser.add_argument('--height', type=count, default=480)
    parser.add_argument('--rate', type=float, default=30.0, help='frames per second')
    parser.add_argument('--frames', type=int, default=0, help='for each topic; 0: until SIGINT')
    parser.add_argument('--block', type=count, default=60, help='frames before the next topic')
    parser.add_argument('--jpeg', action='store_true', help='publish compressed images')
    parser.add_argument('--sent', type=Path, required=True, help='file for the figures')
    options = parser.parse_args()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    camera = Camera(options)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, camera.stop)
    try:
        write_json(options.sent, camera.run())
    except ValueError as error:
        print(f'camera: {error}', file=sys.stderr)
        return 1
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
