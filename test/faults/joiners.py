# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Many nodes that join late: each waits for the last state of every node, then all leave.

They are as light as those of `ros2 topic echo`: without parameter services and /rosout.
"""

from __future__ import annotations

import os
import sys
import time

# Small segments: it is many participants that count here, not their images.
os.environ['DYNOFA_SHM_SEGMENT_BYTES'] = str(2**20)

import rclpy
from listener import LATEST
from processes import NAMESPACE
from rclpy.executors import SingleThreadedExecutor

from dynofa_ros.nodes.qos import qos_profile

PATIENCE_S = 60.0


def main(count: int) -> int:
    """Join, wait and leave; return 1 if one of them misses a state."""
    joined = []
    for index in range(count):
        context = rclpy.Context()
        rclpy.init(context=context)
        node = rclpy.create_node(
            f'late_{index}',
            namespace=NAMESPACE,
            context=context,
            start_parameter_services=False,
            enable_rosout=False,
        )
        heard: set[str] = set()
        for topic, kind in LATEST.items():
            node.create_subscription(
                kind,
                topic,
                lambda _, heard=heard, topic=topic: heard.add(topic),
                qos_profile(topic),
            )
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        joined.append((heard, executor, context))
    end_s = time.monotonic() + PATIENCE_S
    while (
        missing := [each for each in joined if len(each[0]) < len(LATEST)]
    ) and time.monotonic() < end_s:
        for _, executor, _ in missing:
            executor.spin_once(timeout_sec=0.01)
    print(f'{count - len(missing)} of {count} have every state', flush=True)
    for _, executor, context in joined:
        executor.shutdown()
        context.try_shutdown()
    return int(bool(missing))


if __name__ == '__main__':
    sys.exit(main(int(sys.argv[1])))
