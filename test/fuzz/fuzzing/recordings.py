# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets of rosbag2 recordings: MCAP, sqlite3, metadata.yaml, and the names in them."""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import bag_files
import rclpy
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from fuzzing.choices import Choices
from fuzzing.documents import HOSTILE, file_target
from fuzzing.node_messages import make
from fuzzing.target import Target

TOPICS = {'/image': [(1_000, 'a'), (2_000, 'b' * 40)], '/other': [(1_500, 'c')]}
TYPES = (
    'sensor_msgs/msg/Image',
    'std_msgs/msg/String',
    'rosgraph_msgs/msg/Clock',
    'sensor_msgs/srv/SetCameraInfo',
    'dynofa_ros/msg/FrameReport',
    'evil/payload/X',
    'os/path/join',
    'antigravity/this/s',
    'nowhere_msgs/msg/Thing',
    'std_msgs/msg/__doc__',
    '../std_msgs/msg/String',
)


def _written(plugin: StoragePlugin, compression: CompressionMode) -> tuple[bytes, bytes]:
    """Return the storage and the metadata of a small bag."""
    with tempfile.TemporaryDirectory() as folder:
        bag = Path(folder) / 'bag'
        bag_files.write_bag(bag, TOPICS, plugin=plugin, compression=compression)
        storage = next(each for each in bag.iterdir() if each.name != 'metadata.yaml')
        return storage.read_bytes(), (bag / 'metadata.yaml').read_bytes()


def _read(path: Path) -> None:
    """Read all messages of a bag, and restamp them as the player does."""
    from dynofa_ros.bags.reader import Bag
    from dynofa_ros.bags.stamps import CdrError, shifted, with_stamp

    with Bag(path) as bag:
        for message in bag.messages(on_damage=lambda text: None):
            with suppress(CdrError):
                with_stamp(message.data, message.time_ns)
                shifted(message.data, bag.end_ns - bag.start_ns)


def bag_mcap() -> Target:
    """Read a damaged MCAP file."""
    seeds = (
        _written(StoragePlugin.MCAP, CompressionMode.NONE)[0],
        _written(StoragePlugin.MCAP, CompressionMode.STORAGE)[0],
        b'\x89MCAP0\r\n',
    )
    return file_target('bag_mcap', '.mcap', _read, seeds)


def bag_sqlite() -> Target:
    """Read a damaged sqlite3 file."""
    seeds = [_written(StoragePlugin.SQLITE3, CompressionMode.NONE)[0], b'SQLite format 3\0']
    return file_target('bag_sqlite', '.db3', _read, seeds)


def bag_metadata() -> Target:
    """Read a recording whose metadata.yaml is damaged."""
    storage, metadata = _written(StoragePlugin.MCAP, CompressionMode.NONE)
    folder = Path(tempfile.mkdtemp(prefix='fuzz-')) / 'bag'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / 'bag.mcap').write_bytes(storage)

    def run(data: bytes) -> None:
        (folder / 'metadata.yaml').write_bytes(data)
        _read(folder)

    return Target('bag_metadata', run, (metadata, *HOSTILE), longest=len(metadata) + 512)


def bag_topics() -> Target:
    """Publish topics of any name, type and QoS; those that cannot be are skipped.

    Nothing is imported but messages of installed packages.
    """
    from dynofa_ros.bags.topics import OfferedQos, Topic, normalised_name, normalised_type
    from dynofa_ros.nodes.bag_player.publishers import BagPublishers

    node = make(functools.partial(rclpy.create_node, 'bag_player'), {})
    rclpy.logging.set_logger_level(node.get_logger().name, rclpy.logging.LoggingSeverity.FATAL)

    def run(data: bytes) -> None:
        choices = Choices(data)
        topics: dict[str, Topic] = {}
        for _ in range(1 + choices.byte() % 3):
            name = normalised_name(choices.text() if choices.byte() % 2 else 'image')
            kind = choices.text() if choices.byte() % 4 == 3 else choices.one_of(TYPES)
            qos = OfferedQos(
                reliable=bool(choices.byte() % 2),
                transient_local=bool(choices.byte() % 2),
                depth=choices.integer(-(2**31), 2**31 - 1) if choices.byte() % 8 == 7 else 10,
            )
            topics[name] = Topic(name, normalised_type(kind), 1, qos)  # one type a topic
        before = set(sys.modules)
        try:
            publishers = BagPublishers(node, tuple(topics.values()), names={})
            for topic in publishers.topics:
                publishers.has_header(topic)
                with suppress(Exception):  # the player reports it, and plays the rest
                    publishers.publish(topic, b'\0\1\0\0' + choices.take(12))
        finally:
            for publisher in list(node.publishers):
                if publisher.topic_name != '/rosout':
                    node.destroy_publisher(publisher)
        imported = {each.partition('.')[0] for each in set(sys.modules) - before}
        if strange := {each for each in imported if each in ('evil', 'antigravity', 'this')}:
            raise AssertionError(f'modules {strange} were imported; expected messages only')

    seeds = tuple(bytes([0, 0, 0, index]) for index in range(len(TYPES)))
    return Target('bag_topics', run, seeds, longest=64)
