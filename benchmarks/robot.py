# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A robot of three processes: the real perception node, a camera, and this process as listener.

They communicate through DDS on the loopback interface, with the environment of this package's nodes
and in their own ROS domain.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rclpy
from dynofa_ros.msg import (
    Classification,
    FrameReport,
    SubnetCommand,
    SubnetProfile,
    SubnetState,
)
from frames import Frame
from machine import benchmark_parser, count
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.subscription import MessageInfo

from dynofa_ros.demo.processes import ProcessDied, Processes, executable
from dynofa_ros.engine import AUTO, ENGINES
from dynofa_ros.node_environment import node_environment
from dynofa_ros.nodes.qos import qos_profile

APP = 'perception'
START_PATIENCE_S = 600.0
"""For the first start, which compiles and measures every sub-network."""
PATIENCE_S = 60.0
QUIET_S = 1.0
"""After this time without reports, the last frame counts as reported."""
DOMAINS = 101
"""ROS domains 0 to 101 are free for use on Linux."""
ERRORS = (ValueError, ProcessDied)
INTERRUPTS = (KeyboardInterrupt, ExternalShutdownException)
"""Exceptions of a benchmark with a robot."""


class RobotError(ValueError):
    """The robot cannot run a benchmark; the message states why."""


def robot_parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark with a robot."""
    parser = benchmark_parser(doc)
    parser.add_argument('--model', default='ofa_mbv3_cifar10', help='name or folder')
    parser.add_argument('--engine', choices=(AUTO, *ENGINES), default=AUTO)
    parser.add_argument('--threads', type=int, default=0, help='CPU threads; 0: all cores')
    parser.add_argument('--rate', type=float, default=30.0, help='frame rate of the camera [Hz]')
    parser.add_argument(
        '--profile-rounds', type=count, default=15, help="rounds of the node's profile"
    )
    parser.add_argument('--quick', action='store_true', help='a trial: few frames and networks')
    return parser


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with an error for a rate or a number of threads out of range."""
    if not options.rate > 0:
        parser.error(f'rate is {options.rate}; expected a number above 0')
    if options.threads < 0:
        parser.error(f'threads is {options.threads}; expected 0 or an integer above 0')


def environment(existing: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add to the environment of a benchmark that starts a robot."""
    added = {}
    if existing.get('ROS_AUTOMATIC_DISCOVERY_RANGE') != 'LOCALHOST':
        added['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    if not existing.get('ROS_DOMAIN_ID'):
        added['ROS_DOMAIN_ID'] = str(os.getpid() % DOMAINS + 1)
    return added | node_environment({**existing, **added})


class Robot:
    """Starts the processes, commands sub-networks and records messages."""

    def __init__(self, folder: Path) -> None:
        self.namespace = f'/benchmark_{os.getpid()}'
        self.frames: list[Frame] = []
        self.classified: set[str] = set()
        """Frames with a received Classification."""
        self.states: list[Any] = []
        self.profiles: list[Any] = []
        self._folder = folder
        self._processes = Processes(folder)
        self._commands = 0
        rclpy.init(args=[])
        self._node = rclpy.create_node('robot', namespace=self.namespace)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        for kind, topic, callback in (
            (Classification, 'classification', self._on_classification),
            (FrameReport, 'frame_report', self._on_report),
            (SubnetState, 'subnet_state', self.states.append),
            (SubnetProfile, 'subnet_profile', self.profiles.append),
        ):
            self._node.create_subscription(kind, topic, callback, qos_profile(topic))
        self._command = self._node.create_publisher(
            SubnetCommand, 'subnet_command', qos_profile('subnet_command')
        )

    def start(self, **parameters: object) -> None:
        """Start the perception node, measuring this machine, and wait until it is ready.

        Empty parameters keep the default.

        Raises:
            RobotError: if it does not become ready.
        """
        print('starting the perception node; it compiles and measures first', flush=True)
        try:
            arguments: list[str | Path] = [executable('perception_node'), '--ros-args']
        except FileNotFoundError as error:
            raise RobotError(str(error)) from error
        arguments += ['-r', f'__ns:={self.namespace}', '-p', "platform:=''"]
        for name, value in parameters.items():
            if value != '':
                arguments += ['-p', f'{name}:={value}']
        self._processes.start('perception', arguments)
        self.wait_for(
            lambda: self.states and self.profiles, 'the perception node', START_PATIENCE_S
        )

    def start_script(self, script: Path, *arguments: object) -> None:
        """Start a Python script of benchmarks/ in the namespace of the node."""
        self._processes.start(script.stem, self._script(script, *arguments))

    @contextmanager
    def camera(self, name: str, **options: object) -> Iterator[Path]:
        """Run a camera; yield the file that it writes when it is done."""
        sent = self._folder / f'{name}.json'
        arguments: list[object] = ['--name', name, '--sent', sent]
        for option, value in options.items():
            arguments += [f'--{option}', *(value if isinstance(value, (list, tuple)) else [value])]
        script = Path(__file__).with_name('camera.py')
        with Processes(self._folder) as camera:
            camera.start(f'camera-{name}', self._script(script, *arguments))
            yield sent
        if not sent.exists():
            log = self._folder / f'camera-{name}.log'
            raise RobotError(f'the camera published nothing: {log.read_text(errors="replace")}')

    def frames_of(self, name: str) -> list[Frame]:
        """Return the reported frames of a camera."""
        return [each for each in self.frames if each.frame_id.startswith(f'{name}/')]

    def classified_of(self, name: str) -> set[str]:
        """Return the frames of a camera with a received Classification."""
        return {each for each in self.classified if each.startswith(f'{name}/')}

    def wait_for(
        self, ready: Callable[[], object], what: str, patience_s: float = PATIENCE_S
    ) -> None:
        """Receive messages until a condition is true.

        Raises:
            RobotError: after `patience_s`, or if a process ends.
        """
        end_s = time.monotonic() + patience_s
        while not ready():
            if time.monotonic() > end_s:
                raise RobotError(f'waited {patience_s:g} s for {what}')
            self.listen(0.05)

    def listen(self, longest_s: float) -> None:
        """Receive the next message, if one arrives within that time.

        Raises:
            RobotError: if a process has ended.
        """
        self._executor.spin_once(timeout_sec=longest_s)
        try:
            self._processes.check()
        except ProcessDied as error:
            raise RobotError(str(error)) from error

    def settle(self) -> None:
        """Receive messages until no frame has been reported for a while."""
        reported, since_s = -1, time.monotonic()
        while time.monotonic() - since_s < QUIET_S:
            if len(self.frames) != reported:
                reported, since_s = len(self.frames), time.monotonic()
            self.listen(0.05)

    def command(self, subnet_id: str) -> int:
        """Command a sub-network on the present processor; return the number of the command."""
        self._commands += 1
        message = SubnetCommand(
            app=APP,
            sequence=self._commands,
            subnet_id=subnet_id,
            threads=0,
            deadline_s=math.nan,
            reason='benchmark',
        )
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._command.publish(message)
        return self._commands

    def close(self) -> None:
        """Stop all processes."""
        self._processes.stop()
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def __enter__(self) -> Robot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _script(self, script: Path, *arguments: object) -> list[str]:
        python = [sys.executable, str(script), '--namespace', self.namespace]
        return [*python, *map(str, arguments)]

    def _on_classification(self, message: Any) -> None:
        self.classified.add(message.header.frame_id)

    def _on_report(self, message: Any, info: MessageInfo) -> None:
        self.frames.append(frame_of(message, published_ns=info['source_timestamp']))


def frame_of(report: Any, *, published_ns: int) -> Frame:
    """Convert a FrameReport; ``published_ns`` is the source timestamp in system time."""
    stamp = report.header.stamp
    return Frame(
        frame_id=report.header.frame_id,
        sequence=report.sequence,
        subnet_id=report.subnet_id,
        age_s=report.age_s,
        queue_s=report.queue_s,
        preprocess_s=report.preprocess_s,
        inference_s=report.inference_s,
        postprocess_s=report.postprocess_s,
        total_s=(published_ns - stamp.sec * 10**9 - stamp.nanosec) * 1e-9,
        dropped=report.dropped,
        refused=report.refused,
    )


def read_json(file: Path) -> Any:
    """Return the JSON that a process of the robot wrote."""
    return json.loads(file.read_text(encoding='utf-8'))
