"""Bags as a robot would have recorded them, small."""

import numpy as np
import pytest
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)
STRING = 'std_msgs/msg/String'


@pytest.fixture
def qos():
    return _qos


def _qos(*, reliable=True, latched=False, depth=7):
    never = QosTime(0, 0)
    return Qos(
        QosHistory.KEEP_LAST,
        depth,
        QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        never,
        never,
        QosLiveliness.AUTOMATIC,
        never,
        False,
    )


@pytest.fixture
def write_bag(tmp_path):
    """Write {topic: [(time_ns, text)]} as strings; each text is made long to fill MCAP chunks."""

    def write(
        topics,
        *,
        plugin=StoragePlugin.MCAP,
        compression=CompressionMode.NONE,
        offered=None,
        name='bag',
    ):
        path = tmp_path / name
        writer = Writer(path, version=8, storage_plugin=plugin)
        if compression is not CompressionMode.NONE:
            writer.set_compression(compression, CompressionFormat.ZSTD)
        with writer:
            records = []
            for topic, messages in topics.items():
                connection = writer.add_connection(
                    topic,
                    STRING,
                    typestore=STORE,
                    offered_qos_profiles=(offered or {}).get(topic, ()),
                )
                records += [(time_ns, text, connection) for time_ns, text in messages]
            for time_ns, text, connection in sorted(records, key=lambda record: record[0]):
                message = STORE.types[STRING](data=text)
                writer.write(connection, time_ns, STORE.serialize_cdr(message, STRING))
        return path

    return write


@pytest.fixture
def filler():
    """Text that neither repeats nor compresses: one message of it fills one MCAP chunk."""
    letters = np.random.default_rng(0).integers(32, 126, 1_100_000, dtype=np.uint8)
    return letters.tobytes().decode('ascii')
