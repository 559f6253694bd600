# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets that hand messages to the callbacks of real nodes, which no other node hears.

An input is a short history: messages, each with a few changed fields, steps of the clock, and calls
of the timers. Whatever an input did, the timers run at its end, and must not fail either.
"""

from __future__ import annotations

import copy
import functools
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import rclpy
from rclpy.logging import LoggingSeverity, set_logger_level
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.subscription import Subscription

from fuzzing.choices import Choices
from fuzzing.messages import change
from fuzzing.target import Target
from fuzzing.valid_messages import SUBNETS, valid_messages

LONGEST_HISTORY = 16
STEPS_S = (0.001, 0.05, 0.2, 1.0, 6.0, 40.0, 1e4)
# First bytes of an event that are no topics.
ADVANCE, TIMERS = 250, 251
_nodes: list[Node] = []


class FakeClock:
    """A steady clock that stands still until it is advanced [s]."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class NodeUnderTest:
    """A node, its subscriptions by topic, and how to make it forget the previous input."""

    def __init__(
        self,
        node: Node,
        *,
        clock: FakeClock,
        reset: Callable[[], None] = lambda: None,
        work: Callable[[], None] = lambda: None,
        subnets: Sequence[str] = tuple(SUBNETS),
    ) -> None:
        """`work` does what the node's own thread would do with what it received."""
        set_logger_level(node.get_logger().name, LoggingSeverity.FATAL)
        self.node, self._clock, self._reset, self._work = node, clock, reset, work
        self._inputs = [
            (_receiver(each), valid_messages(topic, subnets) or [each.msg_type()])
            for each in sorted(node.subscriptions, key=lambda each: each.topic_name)
            if (topic := each.topic_name.rpartition('/fuzz/')[2]) and '/fuzz/' in each.topic_name
        ]

    @property
    def topics(self) -> int:
        """Number of topics that the node subscribes to."""
        return len(self._inputs)

    def run(self, data: bytes) -> None:
        """Play a history. Raises what a callback or a timer raises."""
        choices = Choices(data)
        self._reset()
        with errors_are_raised():
            for _ in range(LONGEST_HISTORY):
                if choices.ended:
                    break
                self._one_event(choices)
            self._fire_timers()

    def _one_event(self, choices: Choices) -> None:
        event = choices.byte()
        if event == ADVANCE:
            self._clock.now_s += choices.one_of(STEPS_S)
        elif event == TIMERS:
            self._fire_timers()
        else:
            callback, valid = self._inputs[event % self.topics]
            message = copy.deepcopy(choices.one_of(valid))
            for _ in range(choices.byte() % 4):
                change(message, choices)
            callback(message)
            self._work()

    def _fire_timers(self) -> None:
        for timer in list(self.node.timers):
            timer.callback()
        self._work()


def _receiver(subscription: Any) -> Callable[[Any], object]:
    """Return the callback of a subscription, as rclpy calls it for a message of one publisher."""
    if subscription._callback_type is Subscription.CallbackType.MessageOnly:
        return subscription.callback
    stamps = itertools.count(1)  # a message with the stamp of another one counts as its copy
    info = {
        'received_timestamp': 2,
        'publication_sequence_number': None,
        'reception_sequence_number': None,
        'publisher_gid': {'implementation_identifier': 'rmw_fastrtps_cpp', 'data': bytes(16)},
    }
    return lambda message: subscription.callback(message, info | {'source_timestamp': next(stamps)})


def shut_down() -> None:
    """Destroy all nodes; their threads would keep the process alive."""
    while _nodes:
        _nodes.pop().destroy_node()
    if context.cache_info().currsize:
        context().try_shutdown()
        context.cache_clear()


@contextmanager
def errors_are_raised() -> Iterator[None]:
    """Raise what the guard of a node would catch, log and count."""
    guard = sys.modules.get('dynofa_ros.nodes.guard')
    if guard is None:
        yield
        return

    def caught(_: Any, name: str, error: Exception, **details: Any) -> None:
        raise error

    with mock.patch.object(guard.Guard, 'caught', caught):
        yield


@functools.cache
def context() -> rclpy.Context:
    """Return the context of the fuzzed nodes."""
    own = rclpy.Context()
    rclpy.init(args=['--ros-args', '--disable-rosout-logs'], context=own)
    return own


def make(kind: Callable[..., Any], parameters: dict[str, Any], **options: Any) -> Any:
    """Make a node with parameters, in the namespace `fuzz`."""
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    node = kind(context=context(), namespace='fuzz', parameter_overrides=overrides, **options)
    _nodes.append(node)
    return node


def manager_node() -> NodeUnderTest:
    """Return the resource manager, with a manager of its own for every input."""
    from dynofa_ros.nodes.resource_manager.node import ResourceManagerNode
    from dynofa_ros.runtime import ResourceManager

    node, clock = make(ResourceManagerNode, {}), FakeClock()

    def reset() -> None:
        node._manager = ResourceManager(clock=clock)

    return NodeUnderTest(node, clock=clock, reset=reset)


def perception_node() -> NodeUnderTest:
    """Return a simulated perception node whose worker runs in the calling thread."""
    import torch

    from dynofa_ros.nodes.perception.node import PerceptionNode

    torch.set_num_threads(1)

    parameters = {
        'app': 'camera',
        'engine': 'torch',
        'device': 'simulated',
        'platform': 'jetson_xavier_nx',
        'threads': 1,
        'cache': tempfile.mkdtemp(prefix='fuzz-cache-'),
    }
    node = make(PerceptionNode, parameters)
    worker, mailbox = node._worker, node._mailbox
    mailbox.close()  # ends the thread of the worker, whose work the fuzzer does
    node._thread.join()
    mailbox._closed = False
    worker.frames.stages.stopped.set()  # simulated frames take no time
    names = list(node._profile.subnet_ids)
    commands = worker.commands
    first, resident, envelope = commands.running, commands.active, commands.picker._commanded

    def reset() -> None:
        commands.running, commands.active, commands._pending = first, resident, None
        commands.picker.command(envelope)
        node._other_apps.clear()

    def work() -> None:
        if mailbox._commands or mailbox._latest:
            worker.handle(mailbox.take())

    return NodeUnderTest(node, clock=FakeClock(), reset=reset, work=work, subnets=names)


def platform_node() -> NodeUnderTest:
    """Return an active platform node that simulates a board."""
    from dynofa_ros.nodes.platform.node import PlatformNode

    clock = FakeClock()
    return NodeUnderTest(make(PlatformNode, {'device': 'simulated'}, clock=clock), clock=clock)


def linux_platform_node() -> NodeUnderTest:
    """Return an active platform node on the file tree of a board."""
    import boards

    from dynofa_ros.nodes.platform.node import PlatformNode

    root = Path(tempfile.mkdtemp(prefix='fuzz-board-'))
    boards.xavier_nx_jetpack5(root)
    parameters = {
        'device': 'linux',
        'sysfs_root': str(root),
        'state_file': str(root / 'clocks_found.json'),
        'min_interval_s': 0.0,
    }
    clock = FakeClock()
    return NodeUnderTest(make(PlatformNode, parameters, clock=clock), clock=clock)


def message_target(name: str, make_node: Callable[[], NodeUnderTest]) -> Target:
    """Return the target of a node; its callbacks and timers must not raise anything."""
    node = make_node()
    # One unchanged message of every topic, then all of them; of each, the first two valid ones.
    single = [bytes([topic, which, 0]) for topic in range(node.topics) for which in (0, 1)]
    every = b''.join(single[::2])
    changed = [bytes([topic, 0, 1]) + bytes(range(7)) for topic in range(node.topics)]
    seeds = (
        *single,
        every,
        every + bytes([ADVANCE, 2]) + every,
        *(every + each for each in changed),
    )
    return Target(name, node.run, seeds, documented=(), longest=512)
