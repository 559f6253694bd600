# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A minimal Python subscriber, which records the arrival of each image and discards it.

Its own process, with the QoS and executor of the perception node, subscribed to bare/image and
bare/image/compressed. At SIGINT it writes the time from the stamp of each frame to its callback.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import rclpy
from rclpy.executors import ExternalShutdownException
from sensor_msgs.msg import CompressedImage, Image

from dynofa_ros.atomic_file import write_json
from dynofa_ros.nodes.qos import qos_profile


def main() -> int:
    """Receive images until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--namespace', required=True)
    parser.add_argument('--arrivals', type=Path, required=True, help='file for the arrival times')
    options = parser.parse_args()
    arrivals: dict[str, float] = {}

    def on_image(image: Image | CompressedImage) -> None:
        stamp = image.header.stamp
        arrived_ns = time.time_ns() - (stamp.sec * 10**9 + stamp.nanosec)
        arrivals[image.header.frame_id] = arrived_ns * 1e-9

    rclpy.init(args=[])
    node = rclpy.create_node('bare_subscriber', namespace=options.namespace)
    for kind, topic in ((Image, 'image'), (CompressedImage, 'image/compressed')):
        node.create_subscription(kind, f'bare/{topic}', on_image, qos_profile(topic))
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second signal must not prevent the file
    write_json(options.arrivals, arrivals)
    rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
