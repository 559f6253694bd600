# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Topics of a bag: names, types and QoS, with selection and remapping."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
CLOCK_TYPE = 'rosgraph_msgs/msg/Clock'
# Default of rosbag2 and of most drivers.
_DEFAULT_DEPTH = 10
# A late subscriber of a latched topic receives all of its messages, up to this bound on memory.
_LATCHED_DEPTH = 1000
# A publisher keeps this many messages: above any driver's, and far below what overflows in DDS.
_LARGEST_DEPTH = 100_000
_NAME = re.compile(r'/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')


class TopicError(ValueError):
    """A topic name or remapping that does not match the bag."""


@dataclass(frozen=True)
class OfferedQos:
    """The part of a publisher's QoS that decides which subscribers are compatible."""

    reliable: bool = True
    transient_local: bool = False
    depth: int = _DEFAULT_DEPTH

    def __post_init__(self) -> None:
        """Raise ValueError for a depth that no publisher accepts."""
        if not 1 <= self.depth <= _LARGEST_DEPTH:
            raise ValueError(f'depth is {self.depth}; expected 1 to {_LARGEST_DEPTH}')


@dataclass(frozen=True)
class Topic:
    """A topic of a bag; `type` has the form package/msg/Name, `name` starts with a slash."""

    name: str
    type: str
    message_count: int
    qos: OfferedQos = OfferedQos()
    problem: str = ''
    """Reason why the topic cannot be played; empty if it can."""

    @property
    def is_image(self) -> bool:
        """Whether the messages are raw or compressed images."""
        return self.type in IMAGE_TYPES


def normalised_type(name: str) -> str:
    """Return package/msg/Name for a type recorded as a/Name, a/msg/Name or a::msg::Name."""
    parts = [part for part in name.replace('::', '/').split('/') if part]
    if len(parts) == 2:
        parts.insert(1, 'msg')
    return '/'.join(parts)


def normalised_name(name: str) -> str:
    """Return a topic name with its leading slash."""
    return '/' + name.lstrip('/')


def qos_to_offer(recorded: Sequence[OfferedQos], *, message_count: int) -> OfferedQos:
    """Return the QoS to offer on replay, given the QoS of all recorded publishers of a topic.

    It is reliable or transient local if any publisher was; reliable and volatile if nothing was
    recorded. A latched topic keeps all of its messages, up to 1000.
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
    """Return the named topics; all topics if no name is given.

    Raises:
        TopicError: for a name that is not in the bag.
    """
    topics = tuple(topics)
    wanted = [normalised_name(name) for name in names]
    have = {topic.name for topic in topics}
    for name in wanted:
        if name not in have:
            raise TopicError(f'topic is {name!r}; expected one of the bag: {listing(topics)}')
    return tuple(topic for topic in topics if not wanted or topic.name in wanted)


def parse_remappings(rules: Sequence[str]) -> dict[str, str]:
    """Return {recorded name: name to publish} for rules of the form `from:=to`.

    Raises:
        TopicError: for a rule of another form, or with an invalid topic name.
    """
    remappings = {}
    for rule in rules:
        source, separator, target = rule.partition(':=')
        if not separator or not _NAME.fullmatch(source) or not _NAME.fullmatch(target):
            raise TopicError(
                f'remapping is {rule!r}; expected from:=to with topic names of letters, digits, '
                '_ and /'
            )
        remappings[normalised_name(source)] = target
    return remappings


def check_remappings(topics: Sequence[Topic], remappings: dict[str, str]) -> None:
    """Raise TopicError if a remapping names no played topic, or merges topics of two types."""
    have = {topic.name for topic in topics}
    for source in remappings:
        if source not in have:
            raise TopicError(
                f'remapping is from {source!r}; expected a played topic: {listing(topics)}'
            )
    types: dict[str, Topic] = {}
    for topic in topics:
        target = normalised_name(remappings.get(topic.name, topic.name))
        other = types.setdefault(target, topic)
        if other.type != topic.type:
            raise TopicError(
                f'types on {target!r} are {other.type} (from {other.name!r}) and {topic.type} '
                f'(from {topic.name!r}); expected one type per topic'
            )


def awaited_images(
    topics: Sequence[Topic], wanted: Sequence[str], *, names: Mapping[str, str]
) -> tuple[tuple[Topic, ...], ...]:
    """Return for each wanted topic its raw and compressed images, of which one suffices.

    `names` maps recorded names to published ones, by which topics are wanted. TOPIC/compressed is
    the compressed form of TOPIC, as with image_transport. Raises TopicError if there is neither.
    """
    images = {
        normalised_name(names.get(topic.name, topic.name)): topic
        for topic in topics
        if topic.is_image
    }
    groups = []
    for each in map(normalised_name, wanted):
        group = tuple(images[name] for name in (each, f'{each}/compressed') if name in images)
        if not group:
            published = (replace(topic, name=name) for name, topic in images.items())
            raise TopicError(
                f'image topic is {each!r}; expected one that is played: {listing(published)}'
            )
        groups.append(group)
    return tuple(groups)


def listing(topics: Iterable[Topic]) -> str:
    """Return the topics as text: name (type, number of messages), separated by commas."""
    entries = [f'{topic.name} ({topic.type}, {topic.message_count})' for topic in topics]
    return ', '.join(entries) or 'nothing'
