# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Command line of the bag player; option names are those of `ros2 bag play`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.bags.topics import TopicError, parse_remappings


@dataclass(frozen=True)
class PlayOptions:
    """What to play, and how."""

    bag: str
    rate: float = 1.0
    loop: bool = False
    clock_hz: float | None = None
    """Rate of /clock [Hz]; None: do not publish it."""
    remap: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    restamp: bool = False
    start_offset_s: float = 0.0
    delay_s: float = 0.0
    wait_for_subscribers_s: float = 0.0
    wait_for_images: tuple[str, ...] = ()
    """Image topics that wait_for_subscribers_s is about; empty: all."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range, naming the option."""
        _check('--rate', self.rate, self.rate > 0, 'a finite number above 0')
        if self.clock_hz is not None:
            _check('--clock', self.clock_hz, self.clock_hz > 0, 'a finite number above 0')
        for name, seconds in (
            ('--start-offset', self.start_offset_s),
            ('--delay', self.delay_s),
            ('--wait-for-subscribers', self.wait_for_subscribers_s),
        ):
            _check(name, seconds, seconds >= 0, 'a finite number of seconds, 0 or more')
        try:
            parse_remappings(self.remap)
        except TopicError as error:
            raise ValueError(f'--remap: {error}') from error


def _check(name: str, value: float, in_range: bool, expected: str) -> None:
    if not (math.isfinite(value) and in_range):
        raise ValueError(f'{name} is {value}; expected {expected}')


def parse_options(arguments: Sequence[str]) -> PlayOptions:
    """Return the options; exit with code 2, printing usage and the error, if one is wrong."""
    parser = _parser()
    values = vars(parser.parse_args(arguments))
    for name in ('remap', 'topics', 'wait_for_images'):
        values[name] = tuple(values[name])
    try:
        return PlayOptions(**values)
    except ValueError as error:
        parser.error(str(error))


def split_ros_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return (the player's arguments, those from each `--ros-args` to the next `--`, inclusive).

    Without the split rclpy would consume every `a:=b`, also those of --remap.
    """
    own: list[str] = []
    ros: list[str] = []
    in_ros = False
    for argument in arguments:
        in_ros = in_ros or argument == '--ros-args'
        (ros if in_ros else own).append(argument)
        in_ros = in_ros and argument != '--'
    return own, ros


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='bag_player', description='Play a rosbag2 recording (sqlite3 or MCAP).'
    )
    add = parser.add_argument
    add('bag', metavar='BAG', help='rosbag2 folder, or a single .mcap or .db3 file')
    add('-r', '--rate', type=float, default=1.0, help='playback rate (default: 1)')
    add('-l', '--loop', action='store_true', help='restart after the last message')
    add(
        '--clock',
        dest='clock_hz',
        metavar='HZ',
        type=float,
        nargs='?',
        const=40.0,
        help='publish the bag time on /clock at HZ (default: 40)',
    )
    add('-m', '--remap', metavar='FROM:=TO', nargs='+', default=[], help='rename topics')
    add('--topics', metavar='TOPIC', nargs='+', default=[], help='topics to play (default: all)')
    add(
        '--restamp',
        action='store_true',
        help='set header.stamp to the publishing time (with --clock: in bag time)',
    )
    for flags, name, text in (
        (['--start-offset'], 'start_offset_s', 'start S seconds into the recording'),
        (['-d', '--delay'], 'delay_s', 'wait S seconds before playing'),
        (
            ['--wait-for-subscribers'],
            'wait_for_subscribers_s',
            'wait up to S seconds until every image topic (without images: every topic) has a '
            'subscriber',
        ),
    ):
        add(*flags, dest=name, metavar='S', type=float, default=0.0, help=text)
    add(
        '--wait-for-images',
        metavar='TOPIC',
        nargs='+',
        default=[],
        help='image topics, as published, that have to be in the bag, and of which '
        '--wait-for-subscribers is; TOPIC/compressed counts as TOPIC',
    )
    return parser
