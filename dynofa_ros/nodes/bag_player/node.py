# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Play a rosbag2 recording on machines without rosbag2, with the options of `ros2 bag play`.

Reading, scheduling and options are in `dynofa_ros.bags`. Exit codes: 0 played or stopped, 1 the bag
cannot be played, 2 an option is wrong.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from dynofa_ros.bags.play_options import PlayOptions, parse_options, split_ros_arguments
from dynofa_ros.bags.prefetch import Prefetch
from dynofa_ros.bags.reader import Bag, BagError, BagMessage
from dynofa_ros.bags.schedule import Schedule, mean_period_ns
from dynofa_ros.bags.stamps import CdrError, shifted, with_stamp
from dynofa_ros.bags.topics import (
    CLOCK_TYPE,
    Topic,
    TopicError,
    awaited_images,
    check_remappings,
    listing,
    parse_remappings,
    select,
)
from dynofa_ros.nodes.bag_player.publishers import BagPublishers, ClockPublisher
from dynofa_ros.nodes.shared_memory import remove_dead_segments
from dynofa_ros.nodes.signals import Interruption

_READ_AHEAD_BYTES = 64 * 1024 * 1024
_READ_AHEAD_WAIT_S = 0.5
_LATE_S = 0.01
_ACKNOWLEDGE_S = 2.0


class Player:
    """Publishes the messages of an open bag, and counts played, late and damaged ones."""

    def __init__(self, node: Node, bag: Bag, options: PlayOptions) -> None:
        """Create the publishers.

        Raises:
            TopicError: if an option does not match the bag.
            BagError: if none of its topics can be played on this machine.
        """
        self._node = node
        self._bag = bag
        self._options = options
        length_s = (bag.end_ns - bag.start_ns) / 1e9
        if options.start_offset_s > length_s:
            raise TopicError(
                f'--start-offset is {options.start_offset_s}; expected up to {length_s:.3f} s'
            )
        names = parse_remappings(options.remap)
        topics = select(bag.topics, options.topics)
        check_remappings(topics, names)
        if options.clock_hz is not None:  # the recorded /clock would conflict with ours
            topics = tuple(topic for topic in topics if topic.type != CLOCK_TYPE)
        self._publishers = BagPublishers(node, topics, names=names)
        if not self._publishers.topics:
            raise BagError(
                f'bag {str(bag.path)!r} has no playable topic; it has: {listing(bag.topics)}'
            )
        self._images = awaited_images(self._publishers.topics, options.wait_for_images, names=names)
        self._has_clock = options.clock_hz is not None or self._publishers.plays_clock
        self._schedule: Schedule | None = None
        self._played: Counter[Topic] = Counter()
        self._late = 0
        self._damaged: list[str] = []
        self._passes = 0

    def run(self) -> None:
        """Play all messages; raise BagError if none could be played."""
        first_ns = self._bag.start_ns + round(self._options.start_offset_s * 1e9)
        time.sleep(self._options.delay_s)
        messages = Prefetch(
            self._read(first_ns), size_of=lambda item: len(item[1].data), max_size=_READ_AHEAD_BYTES
        )
        try:
            if self._options.wait_for_subscribers_s:
                self._publishers.wait_for_subscribers(
                    self._options.wait_for_subscribers_s, self._images
                )
            messages.wait_filled(_READ_AHEAD_WAIT_S)
            self._schedule = schedule = self._schedule_from(first_ns)
            rate_hz = self._options.clock_hz
            clock = ClockPublisher(self._node, schedule, rate_hz) if rate_hz else nullcontext()
            with clock:
                for loop, message in messages:
                    self._publish(message, loop, schedule)
        finally:
            messages.close()
        if not self._played:
            raise BagError(f'no message of bag {str(self._bag.path)!r} could be played')
        self._publishers.wait_for_acknowledgements(_ACKNOWLEDGE_S)

    def report(self, now_s: float) -> str:
        """Return a summary until `now_s` of the monotonic clock, with one line per topic."""
        elapsed_s = now_s - self._schedule.start_s if self._schedule else 0.0
        lines = [
            f'played {sum(self._played.values())} messages in {elapsed_s:.2f} s '
            f'({self._passes} passes, {self._late} late, {len(self._damaged)} damaged)'
        ]
        lines += [
            f'  {topic.name} ({topic.type}): {self._played[topic]}'
            for topic in self._publishers.topics
        ]
        return '\n'.join(lines)

    def _schedule_from(self, first_ns: int) -> Schedule:
        period_ns = mean_period_ns(
            first_ns=self._bag.start_ns,
            last_ns=self._bag.end_ns,
            message_count=sum(topic.message_count for topic in self._publishers.topics),
        )
        return Schedule(
            first_ns=first_ns,
            last_ns=self._bag.end_ns,
            period_ns=period_ns,
            start_s=time.monotonic(),
            rate=self._options.rate,
        )

    def _read(self, first_ns: int) -> Iterator[tuple[int, BagMessage]]:
        for loop in itertools.count() if self._options.loop else range(1):
            message = None
            for message in self._bag.messages(
                topics=self._publishers.topics, start_ns=first_ns, on_damage=self._note_damage
            ):
                yield loop, message
            if message is None:  # nothing can be read: looping would never end
                return

    def _note_damage(self, text: str) -> None:
        if text not in self._damaged:  # every pass of a loop meets the same damage
            self._damaged.append(text)
            self._node.get_logger().warning(text)

    def _publish(self, message: BagMessage, loop: int, schedule: Schedule) -> None:
        wait_s = schedule.due_s(message.time_ns, loop=loop) - time.monotonic()
        if wait_s > 0:
            time.sleep(min(wait_s, threading.TIMEOUT_MAX))  # a damaged time can be centuries away
        self._late += wait_s < -_LATE_S
        try:
            self._publishers.publish(message.topic, self._restamped(message, loop, schedule))
        except Exception as error:  # of rclpy; one message does not end playback
            what = 'is damaged' if isinstance(error, CdrError) else 'cannot be published'
            self._note_damage(
                f'message on {message.topic.name} at {message.time_ns} ns {what}: {error}'
            )
            return
        self._played[message.topic] += 1
        self._passes = loop + 1

    def _restamped(self, message: BagMessage, loop: int, schedule: Schedule) -> bytes:
        has_header = self._publishers.has_header(message.topic)
        if self._options.restamp and has_header:
            simulated = self._options.clock_hz is not None
            now_ns = schedule.bag_time_ns(time.monotonic()) if simulated else time.time_ns()
            return with_stamp(message.data, now_ns)
        if self._has_clock and loop and (has_header or message.topic.type == CLOCK_TYPE):
            return shifted(message.data, schedule.shift_ns(loop))
        return message.data


def play(options: PlayOptions, ros_arguments: Sequence[str] = ()) -> int:
    """Play the bag and print a summary; return the exit code."""
    interruption = Interruption()
    try:
        interruption.start()
        remove_dead_segments()
        with Bag(options.bag) as bag:
            rclpy.init(args=list(ros_arguments), signal_handler_options=SignalHandlerOptions.NO)
            try:
                _play(bag, options, interruption)
            finally:
                rclpy.try_shutdown()
    except (BagError, TopicError) as error:
        print(f'bag_player: error: {error}', file=sys.stderr)
        return 2 if isinstance(error, TopicError) else 1
    except KeyboardInterrupt:
        pass
    except Exception:
        if not interruption.happened:  # what a call of rclpy that was interrupted raises
            raise
    finally:
        interruption.ignore()  # a second Ctrl-C while Python ends
    return 0


def _play(bag: Bag, options: PlayOptions, interruption: Interruption) -> None:
    # The node never spins, so it could not answer parameter services.
    node = Node('bag_player', start_parameter_services=False)
    try:
        player = Player(node, bag, options)
        with suppress(KeyboardInterrupt):
            player.run()
        interruption.raises = False  # already stopping
        print(player.report(time.monotonic()), flush=True)
    finally:
        node.destroy_node()


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line."""
    own, ros = split_ros_arguments(sys.argv[1:] if args is None else args)
    sys.exit(play(parse_options(own), ros))


if __name__ == '__main__':
    main()
