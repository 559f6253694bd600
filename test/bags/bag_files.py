# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Write and read small bags, as a robot would have recorded them."""

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from dynofa_ros.bags.reader import Bag

STORE = get_typestore(Stores.ROS2_JAZZY)
STRING = 'std_msgs/msg/String'
UNKNOWN = 'nowhere_msgs/msg/Thing'
STORE.register(get_types_from_msg('int32 a', UNKNOWN))


def qos(*, reliable=True, transient_local=False, depth=7):
    never = QosTime(0, 0)
    return Qos(
        QosHistory.KEEP_LAST,
        depth,
        QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        QosDurability.TRANSIENT_LOCAL if transient_local else QosDurability.VOLATILE,
        never,
        never,
        QosLiveliness.AUTOMATIC,
        never,
        False,
    )


def write_bag(
    path,
    topics,
    *,
    plugin=StoragePlugin.MCAP,
    compression=CompressionMode.NONE,
    offered=None,
    unknown_at_ns=None,
):
    """Write {topic: [(time_ns, text)]} as strings, and one message of an unknown type at a time."""
    writer = Writer(path, version=8, storage_plugin=plugin)
    if compression is not CompressionMode.NONE:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        if unknown_at_ns is not None:
            thing = writer.add_connection('/thing', UNKNOWN, typestore=STORE)
            writer.write(thing, unknown_at_ns, b'\0\1\0\0\1\0\0\0')
        records = []
        for topic, messages in topics.items():
            profiles = (offered or {}).get(topic, ())
            connection = writer.add_connection(
                topic, STRING, typestore=STORE, offered_qos_profiles=profiles
            )
            records += [(time_ns, text, connection) for time_ns, text in messages]
        for time_ns, text, connection in sorted(records, key=lambda record: record[0]):
            message = STORE.types[STRING](data=text)
            writer.write(connection, time_ns, STORE.serialize_cdr(message, STRING))
    return path


def unexpected_damage(text):
    raise AssertionError(f'unexpected damage: {text}')


def read_bag(bag, *, on_damage=unexpected_damage, **options):
    """Return [(topic, time_ns, message)] of an open bag."""
    return [
        (m.topic.name, m.time_ns, STORE.deserialize_cdr(m.data, m.topic.type))
        for m in bag.messages(on_damage=on_damage, **options)
    ]


def read_file(path):
    with Bag(path) as bag:
        return read_bag(bag)
