# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Cost of managing: CPU time of the resource-manager node.

The manager runs in its own process, beside the real platform node with a simulated board:
`platform_state` and `battery` at 10 Hz. This process is one application: it publishes its profile,
obeys commands, and in the second case reports the frames of a camera at 30 Hz, each with the
latency of the commanded sub-network. CPU time is that of all threads of the manager, those of DDS
included. Runs of two versions alternate.

    python benchmarks/manager_cost.py --json manager_cost.json
    python benchmarks/manager_cost.py --other FOLDER   # also a `dynofa_ros` package in FOLDER
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from cpu_time import busy_share
from dynofa_ros.msg import FrameReport, PlatformState, SubnetCommand, SubnetProfile, SubnetState
from goals import Ceiling, judge
from machine import benchmark_parser, count, run_benchmark
from rclpy.executors import SingleThreadedExecutor
from robot import ERRORS, INTERRUPTS, RobotError, environment

from dynofa_ros.demo.processes import Processes, executable
from dynofa_ros.node_environment import run_again_with
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.nodes.resource_manager.messages import profile_message
from dynofa_ros.platform import load_platform
from dynofa_ros.profiles.modelled import modelled_points
from dynofa_ros.runtime import Profile
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.simulation.networks_file import load_networks

APP = 'camera'
ENGINE = 'torch'
PLATFORM = 'jetson_xavier_nx'
CAMERA_HZ = 30.0
GOALS = {'nothing happens': 0.005, 'one camera at 30 Hz': 0.01}
"""Fractions of a core."""
START_S = 15.0
"""Time for discovery, the first commands, and the release of the frequencies of a silent robot."""
SETTLE_S = 3.0
"""Time for the first decisions with frames."""
PATIENCE_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON; return 1 if a node does not start."""
    return run_benchmark(
        'manager_cost', measure, _options(arguments), errors=ERRORS, interrupts=INTERRUPTS
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all versions alternately; print and return the figures.

    Raises:
        RobotError: if a manager does not send commands.
    """
    versions: dict[str, Path | None] = {'this version': None}
    if options.other is not None:
        versions['other version'] = options.other
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in versions}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            for name, package in versions.items():
                logs = Path(folder) / f'{name}-{number}'
                runs[name].append(one_run(logs, package, options))
    rows: list[dict[str, Any]] = [
        {
            'version': name,
            'case': case,
            'share': statistics.median(run[case] for run in each),
            'runs': [run[case] for run in each],
        }
        for name, each in runs.items()
        for case in GOALS
    ]
    print_rows(rows)
    goals = [
        Ceiling(f'manager, {row["case"]} [part of a core]', row['share'], GOALS[row['case']])
        for row in rows
        if row['version'] == 'this version'
    ]
    return {'platform': PLATFORM, 'camera_hz': CAMERA_HZ, 'rows': rows, 'goals': judge(goals)}


def one_run(logs: Path, package: Path | None, options: argparse.Namespace) -> dict[str, float]:
    """Start the nodes; return the manager's fraction of a core by case."""
    with Application(logs, package) as application:
        application.connect()
        application.run(START_S if not options.quick else SETTLE_S)
        seconds = options.seconds
        idle = busy_share(application.manager_pid, partial(application.run, seconds))
        application.run(SETTLE_S, camera=True)
        camera = busy_share(application.manager_pid, partial(application.run, seconds, camera=True))
        return dict(zip(GOALS, (idle, camera), strict=True))


class Application:
    """The nodes in their processes, and this one as an application that obeys."""

    def __init__(self, folder: Path, package: Path | None) -> None:
        """`package`: folder with the package `dynofa_ros` of the manager; None: the present one."""
        namespace = f'/manager_cost_{os.getpid()}'
        self._frames = 0
        self._commanded: PointKey | None = None
        self._profile = modelled_profile()
        self._clocks_hz: dict[str, float] = {}  # by processor
        rclpy.init(args=[])
        self._node = node = rclpy.create_node('application', namespace=namespace)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        publish = {
            topic: node.create_publisher(kind, topic, qos_profile(topic)).publish
            for kind, topic in (
                (SubnetProfile, 'subnet_profile'),
                (SubnetState, 'subnet_state'),
                (FrameReport, 'frame_report'),
            )
        }
        self._acknowledge, self._report = publish['subnet_state'], publish['frame_report']
        for kind, topic, callback in (
            (SubnetCommand, 'subnet_command', self._on_command),
            (PlatformState, 'platform_state', self._on_platform),
        ):
            node.create_subscription(kind, topic, callback, qos_profile(topic))
        publish['subnet_profile'](profile_message(self._profile))
        self._processes = Processes(folder)
        common = ['--ros-args', '-r', f'__ns:={namespace}', '-p']
        self._start('platform', None, [*common, 'device:=simulated', '-p', f'platform:={PLATFORM}'])
        self.manager_pid = self._start('resource_manager', package, [*common, 'deadline_s:=0.1'])

    def connect(self) -> None:
        """Wait for the first command, and the state of the platform.

        Raises:
            RobotError: after a minute without.
        """
        end_s = time.monotonic() + PATIENCE_S
        while self._commanded is None or not self._clocks_hz:
            if time.monotonic() > end_s:
                raise RobotError(f'waited {PATIENCE_S:g} s for the first command')
            self.run(0.1)

    def _start(self, node: str, package: Path | None, arguments: list[str]) -> int:
        try:
            command = [str(executable(f'{node}_node')), *arguments]
        except FileNotFoundError as error:
            raise RobotError(str(error)) from error
        if package is not None:
            path = os.pathsep.join([str(package), os.environ.get('PYTHONPATH', '')])
            command = ['env', f'PYTHONPATH={path}', *command]
        return self._processes.start(node, command)

    def run(self, seconds: float, *, camera: bool = False) -> None:
        """Obey commands for a time, and report frames if there is a `camera`."""
        begin_s, frames = time.monotonic(), 0
        while (left_s := begin_s + seconds - time.monotonic()) > 0.0:
            due_s = begin_s + frames / CAMERA_HZ - time.monotonic() if camera else math.inf
            if due_s <= 0.0:
                self._publish_frame()
                frames += 1
            else:
                self._executor.spin_once(timeout_sec=min(left_s, due_s))
        self._processes.check()

    def _on_command(self, command: SubnetCommand) -> None:
        self._commanded = (command.subnet_id, ENGINE, command.processor, command.threads)
        self._acknowledge(
            SubnetState(
                app=APP,
                subnet_id=command.subnet_id,
                engine=ENGINE,
                processor=command.processor,
                threads=command.threads,
                command_sequence=command.sequence,
                command_applied=True,
            )
        )

    def _on_platform(self, state: PlatformState) -> None:
        for domain in state.domains:
            self._clocks_hz.update(dict.fromkeys(domain.processors, domain.frequency_hz))

    def _publish_frame(self) -> None:
        self._frames += 1
        assert self._commanded is not None  # it was waited for
        point = self._profile.at(self._commanded, self._clocks_hz[self._commanded[2]])
        if point is None:
            raise RobotError(f'the command is {self._commanded}; expected a point of the profile')
        report = FrameReport(
            app=APP,
            sequence=self._frames,
            subnet_id=point.subnet_id,
            engine=ENGINE,
            processor=point.processor,
            threads=point.threads,
            preprocess_s=0.001,
            inference_s=point.latency_s * (1.0 + 0.02 * math.sin(self._frames)),
            postprocess_s=0.0002,
            latency_s=point.latency_s,
        )
        report.header.stamp = self._node.get_clock().now().to_msg()
        self._report(report)

    def __enter__(self) -> Application:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.stop()
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()


def modelled_profile() -> Profile:
    """Return the profile of the application: Dynamic-OFA on the simulated board."""
    networks, platform = load_networks('dynamic_ofa'), load_platform(PLATFORM)
    points = modelled_points(networks.networks, platform, engine=ENGINE, jitter=0.02)
    return Profile(APP, networks.supernet, platform.name, 'modelled', 'modelled', points)


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the share of each version and case."""
    print(f'{"version":<16}{"case":<24}{"median":>8}{"lowest":>8}{"highest":>9}   % of a core')
    for row in rows:
        shares = (row['share'], min(row['runs']), max(row['runs']))
        cells = ''.join(
            f'{share * 100:>{width}.2f}' for share, width in zip(shares, (8, 8, 9), strict=True)
        )
        print(f'{row["version"]:<16}{row["case"]:<24}{cells}')


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = benchmark_parser(__doc__)
    parser.add_argument(
        '--other', type=_package, metavar='FOLDER', help='folder with another dynofa_ros package'
    )
    parser.add_argument('--rounds', type=count, default=3, help='runs of each version')
    parser.add_argument('--seconds', type=count, default=20, help='of each case of a run')
    parser.add_argument('--quick', action='store_true', help='a trial: one short run')
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 2
    return options


def _package(text: str) -> Path:
    """Parse the folder of another version."""
    folder = Path(text).expanduser().resolve()
    if not (folder / 'dynofa_ros' / 'msg').is_dir():
        raise argparse.ArgumentTypeError(
            f'the value is {text!r}; expected a folder with a dynofa_ros package and its messages'
        )
    return folder


if __name__ == '__main__':
    run_again_with(environment(os.environ))
    sys.exit(main())
