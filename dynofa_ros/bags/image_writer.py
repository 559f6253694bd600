# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Write camera images into an MCAP rosbag2."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
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

_RAW = 'sensor_msgs/msg/Image'
_COMPRESSED = 'sensor_msgs/msg/CompressedImage'
_JPEG_QUALITY = 90
_UNSET = QosTime(0, 0)
# Reliable, so that both reliable and best-effort subscribers receive the images on replay.
_QOS = Qos(
    history=QosHistory.KEEP_LAST,
    depth=10,
    reliability=QosReliability.RELIABLE,
    durability=QosDurability.VOLATILE,
    deadline=_UNSET,
    lifespan=_UNSET,
    liveliness=QosLiveliness.SYSTEM_DEFAULT,
    liveliness_lease_duration=_UNSET,
    avoid_ros_namespace_conventions=False,
)


class ImageBagWriter:
    """Writer of a bag with one camera topic, rgb8 or JPEG, in chunks compressed with zstd.

    The bag appears at `path` when it is complete, or not at all.
    """

    def __init__(self, path: str | Path, *, topic: str, frame_id: str, jpeg: bool = False) -> None:
        """Raise FileExistsError if `path` exists."""
        self.path = Path(path)
        if self.path.exists():
            raise FileExistsError(f'bag {str(self.path)!r} exists; expected a new path')
        self._topic = topic
        self._frame_id = frame_id
        self._jpeg = jpeg
        self._store = get_typestore(Stores.ROS2_JAZZY)

    def __enter__(self) -> ImageBagWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix='.writing-', dir=self.path.parent))
        # Every ROS 2 from Iron on reads version 8.
        self._writer = Writer(
            self._folder / self.path.name, version=8, storage_plugin=StoragePlugin.MCAP
        )
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._writer.open()
        self._connection = self._writer.add_connection(
            self._topic,
            _COMPRESSED if self._jpeg else _RAW,
            typestore=self._store,
            offered_qos_profiles=[_QOS],
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: Any) -> None:
        try:
            self._writer.__exit__(kind, *details)
            if kind is None:
                (self._folder / self.path.name).rename(self.path)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def write(self, image: NDArray[np.uint8], *, stamp_ns: int) -> None:
        """Append an rgb8 image of shape (height, width, 3), stamped and recorded at `stamp_ns`.

        Raises:
            ValueError: for an array of another shape or type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f'image has shape {image.shape} of {image.dtype}; expected (height, width, 3) uint8'
            )
        seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
        types = self._store.types
        stamp = types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
        header = types['std_msgs/msg/Header'](stamp=stamp, frame_id=self._frame_id)
        if self._jpeg:
            bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
            _, encoded = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
            message: Any = types[_COMPRESSED](
                header=header, format='rgb8; jpeg compressed bgr8', data=encoded.reshape(-1)
            )
        else:
            message = types[_RAW](
                header=header,
                height=image.shape[0],
                width=image.shape[1],
                encoding='rgb8',
                is_bigendian=0,
                step=3 * image.shape[1],
                data=np.ascontiguousarray(image).reshape(-1),
            )
        data = self._store.serialize_cdr(message, self._connection.msgtype)
        self._writer.write(self._connection, stamp_ns, data)
