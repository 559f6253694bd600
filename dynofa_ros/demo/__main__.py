# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run camera, perception, resource manager and a simulated platform on this machine.

Deadline, battery charge and competing load change during the run; in a terminal, keys change them
instead. Writes report.json, report.png and report.txt.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException

from dynofa_ros.atomic_file import write_json, write_text
from dynofa_ros.demo.camera import Camera, camera_of, photograph_camera
from dynofa_ros.demo.keyboard import Keyboard
from dynofa_ros.demo.live_table import LiveTable
from dynofa_ros.demo.processes import ProcessDied, Processes, executable
from dynofa_ros.demo.scenario import (
    BATTERY_INITIAL,
    Act,
    DemoScenario,
    accuracy_floor,
    deadline_s,
    latencies_s,
)
from dynofa_ros.demo.targets import BY_HAND, KEYS, QUIT, Direction, Targets
from dynofa_ros.nodes.platform.parameters import CO_RUNNER
from dynofa_ros.nodes.run_recorder import RunRecorder
from dynofa_ros.platform import Platform, load_platform
from dynofa_ros.report.picture import draw
from dynofa_ros.report.summary import RunPhase, summarise
from dynofa_ros.report.summary_text import summary_text
from dynofa_ros.supernet import SubnetRecord, load_model

PLATFORM = 'jetson_xavier_nx'
PROCESSOR = 'gpu'
# Measurements on this machine only determine the number of threads: the platform is simulated.
PROFILE_ROUNDS = 5
START_TIMEOUT_S = 90.0
ACKNOWLEDGE_TIMEOUT_S = 3.0
LISTEN_S = 0.1
# Time in which rclpy's signal handler ends the context.
SHUTDOWN_S = 0.5


def main() -> int:
    """Run the demo; return 0 if it classified, switched, and had all commands acknowledged."""
    options = _parser().parse_args()
    try:
        scenario = DemoScenario(options.seconds)
        model = load_model(options.model)
        camera = camera_of(options.bag) if options.bag else photograph_camera(Path('build/demo'))
        rclpy.init()
        recorder, phases = _run(scenario, camera, options, model.kept)
    except (ValueError, ProcessDied, FileNotFoundError) as error:
        print(f'demo: {error}', file=sys.stderr)
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        return _interrupted()
    except RuntimeError:
        # What an interrupt becomes while rclpy converts a message; it also ends the context.
        time.sleep(SHUTDOWN_S)
        if rclpy.ok():
            raise
        return _interrupted()
    finally:
        rclpy.try_shutdown()
    return _report(recorder, phases, camera, options)


def _interrupted() -> int:
    """Say that the demo was interrupted; return its exit code."""
    print('demo: interrupted; all nodes are stopped', file=sys.stderr)
    return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='scripts/demo', description=__doc__)
    parser.add_argument(
        '--seconds', type=float, default=60.0, help='length of the run [s] (default: 60)'
    )
    parser.add_argument(
        '--report', type=Path, default=Path('build/demo/report'), help='folder for the report'
    )
    parser.add_argument(
        '--bag', type=Path, help='rosbag2 with camera images (default: a bag of photographs)'
    )
    parser.add_argument('--model', default='ofa_mbv3_cifar10', help='model: a name, or a folder')
    return parser


def _run(
    scenario: DemoScenario, camera: Camera, options: Any, kept: tuple[SubnetRecord, ...]
) -> tuple[RunRecorder, tuple[RunPhase, ...]]:
    recorder = RunRecorder()
    platform = load_platform(PLATFORM)
    direction = Direction(scenario, partial(_targets, platform=platform, kept=kept))
    with Processes(options.report / 'logs') as processes:
        _start(processes, scenario, camera, options)
        _wait_until_ready(recorder, processes)
        print('running real networks on a simulated platform', flush=True)
        recorder.begin()
        targets = Targets(deadline_s=math.nan, min_accuracy=math.nan)  # those of the nodes
        pressed = ''
        with Keyboard() as keyboard, LiveTable(scenario.seconds) as table:
            if keyboard.works:
                print(KEYS, flush=True)
            while recorder.time_s < scenario.seconds and QUIT not in pressed:
                pressed = keyboard.pressed()
                before, targets = targets, direction.at(recorder.time_s, pressed)
                _set(recorder, targets, before, platform)
                _listen(recorder, LISTEN_S)  # to all of it, however long the table takes
                processes.check()
                table.show(recorder.recording, time_s=recorder.time_s, act=direction.shown)
        phases = direction.phases(recorder.time_s)
        end_s = time.monotonic() + ACKNOWLEDGE_TIMEOUT_S
        while recorder.waits and time.monotonic() < end_s:
            rclpy.spin_once(recorder, timeout_sec=0.05)
    return recorder, phases


def _listen(recorder: RunRecorder, seconds: float) -> None:
    """Handle the messages of some time."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        rclpy.spin_once(recorder, timeout_sec=left_s)


def _start(processes: Processes, scenario: DemoScenario, camera: Camera, options: Any) -> None:
    """Start the four nodes; the camera waits for subscribers."""
    print(f'starting four nodes, with logs in {options.report / "logs"}', flush=True)
    nodes: dict[str, dict[str, object]] = {
        'platform': {
            'platform': PLATFORM,
            'device': 'simulated',
            'battery_initial': BATTERY_INITIAL,
            'battery_energy_j': scenario.battery_energy_j,
        },
        'resource_manager': {'deadline_s': 0.1},
        'perception': {
            'model': options.model,
            'platform': PLATFORM,
            'device': 'simulated',
            'processor': PROCESSOR,
            'profile_rounds': PROFILE_ROUNDS,
        },
    }
    for name, parameters in nodes.items():
        arguments: list[str | Path] = [executable(f'{name}_node'), '--ros-args']
        for key, value in parameters.items():
            arguments += ['-p', f'{key}:={value}']
        processes.start(name, arguments)
    processes.start(
        'camera',
        [
            executable('bag_player'),
            camera.bag,
            *('--loop', '--restamp', '--wait-for-subscribers', '90'),
            *('--topics', camera.topic, '--remap', camera.remap),
        ],
    )


def _wait_until_ready(recorder: RunRecorder, processes: Processes) -> None:
    start_s = printed_s = time.monotonic()
    while not recorder.ready:
        rclpy.spin_once(recorder, timeout_sec=0.1)
        processes.check()
        if time.monotonic() - start_s > START_TIMEOUT_S:
            raise ProcessDied(
                f'the nodes were not ready after {START_TIMEOUT_S:.0f} s; '
                f'applications: {sorted(recorder.apps)}, platform: {recorder.platform_ready}'
            )
        if time.monotonic() - printed_s > 3:
            printed_s = time.monotonic()
            print('  waiting for the nodes to compile and measure the sub-networks')


def _targets(act: Act, *, platform: Platform, kept: tuple[SubnetRecord, ...]) -> Targets:
    """Return the targets of an act, scaled to the model and the platform."""
    slowdown = platform.slowdown(
        processor=PROCESSOR, co_runner_utilisation=act.co_runner_utilisation
    )
    return Targets(
        deadline_s=deadline_s(
            latencies_s(kept, platform, PROCESSOR), rank=act.deadline_rank, slowdown=slowdown
        ),
        min_accuracy=accuracy_floor([each.accuracy for each in kept], act.min_accuracy_rank),
        co_runner_utilisation=act.co_runner_utilisation,
    )


def _set(recorder: RunRecorder, targets: Targets, before: Targets, platform: Platform) -> None:
    """Pass on what is not as before."""
    asked = targets.deadline_s, targets.min_accuracy
    if asked != (before.deadline_s, before.min_accuracy):
        recorder.publish_deadline(targets.deadline_s, min_accuracy=targets.min_accuracy)
    load = targets.co_runner_utilisation
    if load != before.co_runner_utilisation:
        recorder.send_parameters(
            'platform', {f'{CO_RUNNER}{name}': load for name in platform.processors}
        )
    if targets.manager_parameters != before.manager_parameters:
        recorder.send_parameters('resource_manager', targets.manager_parameters)


def _report(
    recorder: RunRecorder, phases: tuple[RunPhase, ...], camera: Camera, options: Any
) -> int:
    recording = recorder.recording
    summary = {
        'duration_s': phases[-1].end_s,
        'model': options.model,
        'bag': str(camera.bag),
        'images': list(camera.credits),
        **summarise(recording, phases),
    }
    text = summary_text(summary, duration_s=phases[-1].end_s)
    folder = options.report
    write_json(folder / 'report.json', summary)
    write_text(folder / 'report.txt', text + '\n')
    title = f'{options.model} on {summary["platform"]}'
    title += ' (simulated: frequencies, power, latency and battery are modelled)'
    draw(recording, phases, folder / 'report.png', title=title)
    print(f'\n{text}\n\nreport.json, report.png and report.txt are in {folder}')
    failures = _failures(summary) + recorder.parameter_errors()
    for failure in failures:
        print(f'demo: {failure}', file=sys.stderr)
    return 1 if failures else 0


def _failures(summary: dict[str, Any]) -> list[str]:
    failures = []
    if not summary['frames']['classified']:
        failures.append('no frame was classified')
    by_hand = any(phase['name'] == BY_HAND for phase in summary['phases'])
    if not summary['switches'] and not by_hand:  # nothing may have asked for it
        failures.append('the sub-network was never switched')
    failures += [f'never acknowledged: {each}' for each in summary['commands']['unacknowledged']]
    return failures


if __name__ == '__main__':
    sys.exit(main())
