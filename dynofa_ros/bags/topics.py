"""The topics of a bag: their types as ROS 2 names them today, and the QoS to offer on replay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
CLOCK_TYPE = 'rosgraph_msgs/msg/Clock'
# What rosbag2 and most drivers use where nobody said otherwise.
_DEFAULT_DEPTH = 10
# A late subscriber of a latched topic is owed every message of it; this bounds the memory.
_LATCHED_DEPTH = 1000
_NAME = re.compile(r'/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')


class TopicError(ValueError):
    """A topic name or remapping that does not fit the bag; the text lists what the bag has."""


@dataclass(frozen=True)
class OfferedQos:
    """The part of a publisher's quality of service that decides who can receive from it."""

    reliable: bool = True
    transient_local: bool = False
    depth: int = _DEFAULT_DEPTH

    def __post_init__(self) -> None:
        """Raise `ValueError` for a depth that no publisher accepts."""
        if self.depth < 1:
            raise ValueError(f'depth {self.depth} is not at least 1')


@dataclass(frozen=True)
class Topic:
    """One topic of a bag. `type` has the form package/msg/Name; `name` starts with a slash."""

    name: str
    type: str
    message_count: int
    qos: OfferedQos = OfferedQos()
    serialization: str = 'cdr'

    @property
    def is_image(self) -> bool:
        """Whether this is a camera's topic, raw or compressed."""
        return self.type in IMAGE_TYPES


def normalised_type(name: str) -> str:
    """Return package/msg/Name for a type recorded in any way: a/Name, a/msg/Name, a::msg::Name."""
    parts = [part for part in name.replace('::', '/').split('/') if part]
    if len(parts) == 2:
        parts.insert(1, 'msg')
    return '/'.join(parts)


def normalised_name(name: str) -> str:
    """Return a topic name with its leading slash."""
    return '/' + name.lstrip('/')


def qos_to_offer(recorded: Sequence[OfferedQos], *, message_count: int) -> OfferedQos:
    """Return the QoS to offer for a topic that its recorded publishers offered like this.

    One reliable publisher makes the topic reliable, which best-effort subscribers receive too; the
    same for transient local. Nothing recorded: reliable, volatile. A latched topic keeps all of
    its messages (up to 1000), where each recorded publisher kept its own.
    """
    if not recorded:
        return OfferedQos()
    latched = any(qos.transient_local for qos in recorded)
    depth = max(qos.depth for qos in recorded)
    if latched:
        depth = max(depth, min(message_count, _LATCHED_DEPTH))
    return OfferedQos(
        reliable=any(qos.reliable for qos in recorded), transient_local=latched, depth=depth
    )


def select(topics: Iterable[Topic], names: Sequence[str]) -> tuple[Topic, ...]:
    """Return the topics that are named, or all where no name is given.

    Raises `TopicError` for a name that the bag does not have.
    """
    topics = tuple(topics)
    wanted = [normalised_name(name) for name in names]
    have = {topic.name for topic in topics}
    for name in wanted:
        if name not in have:
            raise TopicError(f'topic {name!r} is not in the bag; it has: {listing(topics)}')
    return tuple(topic for topic in topics if not wanted or topic.name in wanted)


def parse_remappings(rules: Sequence[str]) -> dict[str, str]:
    """Return {recorded name: name to publish} for rules of the form `from:=to`.

    Raises `TopicError` for a rule of another form or a name that ROS does not allow.
    """
    remappings = {}
    for rule in rules:
        source, separator, target = rule.partition(':=')
        if not separator or not _NAME.fullmatch(source) or not _NAME.fullmatch(target):
            raise TopicError(
                f'remapping {rule!r} does not have the form from:=to with two topic names of '
                'letters, digits, _ and /'
            )
        remappings[normalised_name(source)] = target
    return remappings


def check_remappings(topics: Sequence[Topic], remappings: dict[str, str]) -> None:
    """Raise `TopicError` where a remapping names no topic or mixes two types on one topic."""
    have = {topic.name for topic in topics}
    for source in remappings:
        if source not in have:
            raise TopicError(
                f'remapping from {source!r}: that topic is not played; there are: {listing(topics)}'
            )
    types: dict[str, Topic] = {}
    for topic in topics:
        target = normalised_name(remappings.get(topic.name, topic.name))
        other = types.setdefault(target, topic)
        if other.type != topic.type:
            raise TopicError(
                f'{other.name!r} ({other.type}) and {topic.name!r} ({topic.type}) would both be '
                f'published on {target!r}; one topic has one type'
            )


def listing(topics: Iterable[Topic]) -> str:
    """Return the topics in words: name (type, messages), one after the other."""
    words = [f'{topic.name} ({topic.type}, {topic.message_count})' for topic in topics]
    return ', '.join(words) or 'nothing'
