"""The command line of the bag player: the names of `ros2 bag play`, checked before ROS starts."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

from dynofa_ros.bags.topics import TopicError, parse_remappings


@dataclass(frozen=True)
class PlayOptions:
    """What to play and how; times in seconds, `clock_hz` None: no /clock."""

    bag: str
    rate: float = 1.0
    loop: bool = False
    clock_hz: float | None = None
    remap: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    restamp: bool = False
    start_offset_s: float = 0.0
    delay_s: float = 0.0
    wait_for_subscribers_s: float = 0.0

    def __post_init__(self) -> None:
        """Raise `ValueError` naming the option, its value and what is allowed."""
        for name, value in (('--rate', self.rate), ('--clock', self.clock_hz)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f'{name} {value}: allowed is a finite number above 0')
        for name, value in (
            ('--start-offset', self.start_offset_s),
            ('--delay', self.delay_s),
            ('--wait-for-subscribers', self.wait_for_subscribers_s),
        ):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f'{name} {value}: allowed is a finite number of seconds from 0 on')
        try:
            parse_remappings(self.remap)
        except TopicError as error:
            raise ValueError(f'--remap: {error}') from error


def parse_options(arguments: Sequence[str]) -> PlayOptions:
    """Return the options; prints usage and the error and exits with code 2 where one is wrong."""
    parser = _parser()
    values = vars(parser.parse_args(arguments))
    values['remap'] = tuple(values['remap'])
    values['topics'] = tuple(values['topics'])
    try:
        return PlayOptions(**values)
    except ValueError as error:
        parser.error(str(error))


def split_ros_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return (our arguments, those between each `--ros-args` and the next `--`, marks included).

    rclpy would take every `a:=b` for itself, also those after our --remap.
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
    add('-r', '--rate', type=float, default=1.0, help='times the recorded rate (default 1)')
    add('-l', '--loop', action='store_true', help='begin again after the last message')
    add(
        '--clock',
        dest='clock_hz',
        metavar='HZ',
        type=float,
        nargs='?',
        const=40.0,
        help='publish the time of the bag on /clock, at HZ (default 40)',
    )
    add('-m', '--remap', metavar='FROM:=TO', nargs='+', default=[], help='publish under a new name')
    add('--topics', metavar='TOPIC', nargs='+', default=[], help='play these only (default: all)')
    add(
        '--restamp',
        action='store_true',
        help='write the time of publishing into header.stamp (with --clock: the time of the bag)',
    )
    add(
        '--start-offset',
        dest='start_offset_s',
        metavar='S',
        type=float,
        default=0.0,
        help='begin S seconds into the recording',
    )
    add(
        '-d', '--delay', dest='delay_s', metavar='S', type=float, default=0.0, help='wait S seconds'
    )
    add(
        '--wait-for-subscribers',
        dest='wait_for_subscribers_s',
        metavar='S',
        type=float,
        default=0.0,
        help='wait until every image topic (where there is none: every topic) has a subscriber, '
        'at most S seconds',
    )
    return parser
