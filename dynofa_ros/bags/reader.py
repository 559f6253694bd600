# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read a rosbag2 (sqlite3 or MCAP, a folder or a single file) as serialized messages.

Damaged messages and MCAP chunks are reported and skipped.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    Qos,
    QosDurability,
    QosHistory,
    QosReliability,
)

from dynofa_ros.bags.stamps import CdrError, check_encapsulation
from dynofa_ros.bags.storage import (
    InvalidQos,
    StorageError,
    ZstdError,
    decompress_zstd,
    open_storages,
)
from dynofa_ros.bags.topics import (
    OfferedQos,
    Topic,
    normalised_name,
    normalised_type,
    qos_to_offer,
)

_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'


class BagError(ValueError):
    """A bag that cannot be read."""


@dataclass(frozen=True)
class BagMessage:
    """A serialized message and its recording time [ns]."""

    topic: Topic
    time_ns: int
    data: bytes


class Bag:
    """An open bag: its `topics`, and `start_ns` and `end_ns`, the first and last message time."""

    def __init__(self, path: str | Path) -> None:
        """Open the bag; raise BagError if it is missing, damaged or empty."""
        self.path = Path(path).expanduser()
        self._stack = ExitStack()
        try:
            # The parsers raise exceptions without a common base class for damaged files.
            self._storages = open_storages(self.path, self._stack)
            connections = [c for storage in self._storages for c in storage.connections]
            self.topics = _topics(connections)
            filled = [each.metadata for each in self._storages if each.metadata.message_count]
            self.start_ns = min((each.start_time for each in filled), default=0)
            self.end_ns = max((each.end_time for each in filled), default=1) - 1
        except Exception as error:
            self._stack.close()
            raise BagError(_reason(self.path, error)) from error
        if not filled or not self.topics:
            self._stack.close()
            raise BagError(f'bag {str(self.path)!r} is empty: it holds no messages')

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def messages(
        self,
        *,
        topics: Collection[Topic] | None = None,
        start_ns: int | None = None,
        on_damage: Callable[[str], None],
    ) -> Iterator[BagMessage]:
        """Yield the messages of `topics` (None: all) from `start_ns` on, in time order.

        `on_damage` receives a text about each part that cannot be read.
        """
        wanted = {(topic.name, topic.type): topic for topic in topics or self.topics}
        for storage in self._storages:
            by_id = {
                connection.id: wanted[key]
                for connection in storage.connections
                if (key := _key(connection)) in wanted
            }
            connections = [c for c in storage.connections if c.id in by_id]
            if not connections:
                continue
            for identifier, time_ns, data in _records(storage, connections, start_ns, on_damage):
                topic = by_id[identifier]
                try:
                    yield BagMessage(topic, time_ns, _serialized(data))
                except (CdrError, StorageError, ZstdError) as error:
                    on_damage(f'message on {topic.name} at {time_ns} ns is damaged: {error}')


def _records(
    storage: Any,
    connections: Collection[Connection],
    start_ns: int | None,
    on_damage: Callable[[str], None],
) -> Iterator[tuple[int, int, bytes]]:
    """Yield (connection id, time, raw bytes), skipping damaged MCAP chunks."""
    last_ns, seen_at_last = start_ns, 0
    while True:
        skip = seen_at_last
        try:
            for connection, time_ns, data in storage.messages(connections, last_ns, None):
                if time_ns == last_ns and skip:
                    skip -= 1
                    continue
                seen_at_last = seen_at_last + 1 if time_ns == last_ns else 1
                last_ns = time_ns
                yield connection.id, time_ns, bytes(data)
            return
        except Exception as error:  # see Bag.__init__: no common base class
            where = f'{storage.path.name} after {last_ns} ns' if last_ns else storage.path.name
            if not _drop_damaged_chunk(storage, connections, last_ns):
                on_damage(f'{where}: the rest cannot be read: {error}')
                return
            on_damage(f'{where}: skipped a damaged chunk of messages: {error}')
            if not storage.chunks:  # with an empty index the reader would scan the whole file
                return


def _drop_damaged_chunk(
    storage: Any, connections: Collection[Connection], start_ns: int | None
) -> bool:
    """Remove the first damaged chunk from the index; return whether there was one."""
    chunks = list(getattr(storage, 'chunks', ()))
    try:
        for chunk in sorted(chunks, key=lambda chunk: chunk.message_start_time):
            storage.chunks = [chunk]
            try:
                next(storage.messages(connections, start_ns, None), None)
            except Exception:  # see Bag.__init__
                chunks.remove(chunk)
                return True
    finally:
        if hasattr(storage, 'chunks'):
            storage.chunks = chunks
    return False


def _serialized(data: bytes) -> bytes:
    # Only metadata.yaml, which may be missing, states whether messages are compressed. Serialized
    # messages do not start with this magic number.
    if data.startswith(_ZSTD_MAGIC):
        data = decompress_zstd(data)
    check_encapsulation(data)
    return data


def _key(connection: Connection) -> tuple[str, str]:
    return normalised_name(connection.topic), normalised_type(connection.msgtype)


def _topics(connections: Collection[Connection]) -> tuple[Topic, ...]:
    """Return one `Topic` per name and type, merged over publishers and files."""
    grouped: dict[tuple[str, str], list[Connection]] = {}
    for connection in connections:
        grouped.setdefault(_key(connection), []).append(connection)
    topics = []
    for (name, message_type), members in grouped.items():
        extras = [cast(ConnectionExtRosbag2, member.ext) for member in members]
        count = sum(member.msgcount for member in members)
        problem, qos = '', OfferedQos()
        try:
            recorded = [_offered(qos) for extra in extras for qos in _profiles(extra)]
            qos = qos_to_offer(recorded, message_count=count)
        except ValueError as error:
            problem = f'its recorded QoS is invalid: {error}'
        foreign = sorted({extra.serialization_format for extra in extras} - {'cdr'})
        if foreign:
            problem = f'serialization is {foreign[0]!r}; expected cdr'
        topics.append(Topic(name, message_type, count, qos, problem))
    return tuple(topics)


def _profiles(extra: ConnectionExtRosbag2) -> list[Qos]:
    if isinstance(extra.offered_qos_profiles, InvalidQos):
        raise ValueError(f'{str(extra.offered_qos_profiles)!r} is no list of profiles')
    return extra.offered_qos_profiles


def _offered(qos: Qos) -> OfferedQos:
    keeps_last = qos.history is QosHistory.KEEP_LAST and qos.depth != 0
    return OfferedQos(
        reliable=qos.reliability is not QosReliability.BEST_EFFORT,
        transient_local=qos.durability is QosDurability.TRANSIENT_LOCAL,
        depth=qos.depth if keeps_last else OfferedQos().depth,
    )


def _reason(path: Path, error: Exception) -> str:
    bag = f'bag {str(path)!r}'
    if not path.exists():
        return f'{bag} does not exist'
    if path.is_dir() and not (path / 'metadata.yaml').exists():
        return f'{bag} has no metadata.yaml; expected a rosbag2 folder, .mcap or .db3 file'
    if path.is_file() and path.suffix not in ('.mcap', '.db3'):
        return f'{bag} is not a bag; expected a rosbag2 folder, .mcap or .db3 file'
    reason = str(error) or type(error).__name__
    if isinstance(error, (struct.error, TypeError, AssertionError, sqlite3.Error)):
        reason = f'its structure is damaged ({reason})'
    return f'{bag} cannot be read: {reason}'
