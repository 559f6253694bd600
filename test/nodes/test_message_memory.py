# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""One large message does not stay in memory, in as many copies as its queue is deep."""

import ctypes
import os
import subprocess
import sys
import time

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
import rclpy
from std_msgs.msg import String

from dynofa_ros.node_environment import node_environment
from dynofa_ros.nodes.qos import make_qos

DEPTH = 8
LARGE_BYTES = 4 * 2**20
TOPIC = 'message_memory'
QOS = make_qos(depth=DEPTH, reliable=True, transient_local=False)


# Fields of `struct mallinfo2`; uordblks are the bytes in use, hblkhd those of mapped blocks.
MALLINFO2 = ('arena', 'ordblks', 'smblks', 'hblks', 'hblkhd')
MALLINFO2 += ('usmblks', 'fsmblks', 'uordblks', 'fordblks', 'keepcost')


class Heap(ctypes.Structure):
    """What `mallinfo2` of glibc returns."""

    _fields_ = [(name, ctypes.c_size_t) for name in MALLINFO2]


def allocated_bytes():
    """Return what the C library has given out and not got back."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Heap
    heap = mallinfo2()
    return heap.uordblks + heap.hblkhd


def subscriber():
    """Take as many messages as each line of the input says; print the bytes that stay allocated."""
    rclpy.init()
    node = rclpy.create_node('subscriber')
    taken = []
    node.create_subscription(String, TOPIC, lambda message: taken.append(len(message.data)), QOS)
    print('ready', flush=True)
    for line in sys.stdin:
        taken.clear()
        while len(taken) < int(line):
            rclpy.spin_once(node, timeout_sec=0.1)
        print(allocated_bytes(), flush=True)
    node.destroy_node()
    rclpy.shutdown()


@pytest.fixture
def take():
    """Return a function that lets a subscriber in another process take so many messages."""
    environment = {key: value for key, value in os.environ.items() if 'FASTDDS' not in key}
    environment.pop('RMW_FASTRTPS_USE_QOS_FROM_XML', None)
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment | node_environment(environment),
    )
    assert process.stdout.readline() == 'ready\n'

    def ask(count):
        process.stdin.write(f'{count}\n')
        process.stdin.flush()
        return int(process.stdout.readline())

    yield ask
    process.stdin.close()
    assert process.wait() == 0


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), 'mallinfo2'), reason='needs glibc 2.33')
@pytest.mark.timeout(120)
def test_a_large_message_leaves_no_buffer_behind(take):
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('publisher', context=context)
    publisher = node.create_publisher(String, TOPIC, QOS)
    while not publisher.get_subscription_count():
        time.sleep(0.05)
    allocated = []
    # As many small messages as this wait at once, so that the queue's buffers change their order,
    # and each of the large messages finds another one.
    for waiting in (1, *range(1, DEPTH + 1)):
        publisher.publish(String(data='x' * LARGE_BYTES))
        allocated.append(take(1))
        for _ in range(waiting):
            publisher.publish(String(data='x'))
        take(waiting)
    node.destroy_node()
    context.try_shutdown()
    assert allocated[-1] - allocated[0] < LARGE_BYTES


if __name__ == '__main__':
    subscriber()
