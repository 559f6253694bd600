# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Time that the perception node adds to a camera frame, besides the inference.

A camera in another process publishes at 30 Hz through DDS. The time from a frame's stamp until the
node passes its report to DDS is measured, without the inference. A bare rclpy subscriber in its own
process, which only receives the message, gives the cost of the transport and of Python; the
difference is what the node adds: reading the pixels, preprocessing, publishing.

Node and subscriber run all the time, but the camera publishes for them alternately, block by block,
on separate topics: with the same frame, they would compete for cores and memory at the moment of
the measurement, and a robot runs only one of them. The first frames of a block, while the idle side
wakes up, are excluded. As the two never receive the same frame, quantiles are subtracted from
quantiles: p50 from p50, p95 from p95.

    python benchmarks/node_overhead.py --json node_overhead.json
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frames import Frame, Losses, losses, quantiles
from goals import Ceiling, Goal, judge
from machine import count, run_benchmark
from robot import (
    ERRORS,
    INTERRUPTS,
    Robot,
    check_options,
    environment,
    read_json,
    robot_parser,
)

from dynofa_ros.node_environment import run_again_with

BARE = Path(__file__).with_name('bare_subscriber.py')
SETTLE = 3
"""Excluded frames at the start of each block."""
SPLIT = ('age_s', 'queue_s', 'preprocess_s', 'inference_s', 'postprocess_s', 'publish_s')


@dataclass(frozen=True)
class Case:
    """Images of one size and kind; ``goal_ms`` is the upper limit of the added p50."""

    width: int
    height: int
    jpeg: bool = False
    goal_ms: float | None = None

    @property
    def name(self) -> str:
        """The first part of the frame ids."""
        return f'{self.width}x{self.height}{"-jpeg" if self.jpeg else ""}'


RAW = (Case(640, 480, goal_ms=3.0), Case(1920, 1080, goal_ms=6.0))
JPEG = (Case(640, 480, jpeg=True), Case(1920, 1080, jpeg=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON; return 1 if something could not be measured."""
    options = _options(arguments)
    return run_benchmark('node_overhead', measure, options, errors=ERRORS, interrupts=INTERRUPTS)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, print and return the figures.

    Raises:
        ValueError: if the node or the camera does not start.
    """
    cases = RAW + (JPEG if options.compressed else ())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arrivals = folder / 'arrivals.json'
        with Robot(folder) as robot:
            robot.start(
                model=options.model,
                engine=options.engine,
                subnet=options.subnet,
                threads=options.threads,
                profile_rounds=options.profile_rounds,
            )
            robot.start_script(BARE, '--arrivals', arrivals)
            cameras = {case.name: publish_images(robot, case, options) for case in cases}
            state = robot.states[-1]
        bare = read_json(arrivals)
    rows = []
    for case in cases:
        frames, camera = robot.frames_of(case.name), cameras[case.name]
        lost = losses(camera['sent']['image'], frames, robot.classified_of(case.name))
        rows.append(row(case, frames, lost, bare, options.block) | {'camera': camera})
    print(f'{state.subnet_id} on {state.engine}, threads: {state.threads}')
    print_rows(rows)
    return {
        'engine': state.engine,
        'threads': state.threads,
        'subnet_id': state.subnet_id,
        'rows': rows,
        'goals': judge(goals(rows, 1 / options.rate)),
    }


def publish_images(robot: Robot, case: Case, options: argparse.Namespace) -> Any:
    """Publish images for node and subscriber alternately; return the camera's figures."""
    settings: dict[str, object] = {
        'topics': ('image', 'bare/image'),
        'width': case.width,
        'height': case.height,
        'rate': options.rate,
        'frames': round(options.seconds * options.rate),
        'block': options.block,
    }
    if case.jpeg:
        settings['jpeg'] = ()
    longest_s = 60 + 4 * options.seconds
    with robot.camera(case.name, **settings) as sent:
        robot.wait_for(sent.exists, f'the camera at {case.name}', longest_s)
    robot.settle()
    return read_json(sent)


def counted(frame_id: str, block: int) -> bool:
    """Whether a frame is not one of the excluded ones of its block."""
    return int(frame_id.rpartition('/')[2]) % block >= SETTLE


def row(
    case: Case, frames: Sequence[Frame], lost: Losses, bare: Mapping[str, float], block: int
) -> dict[str, Any]:
    """Return the figures of a case: both sides, their difference, and the parts of a frame."""
    timed = [each for each in frames if counted(each.frame_id, block)]
    ours = {name: s for name, s in bare.items() if name.startswith(f'{case.name}/')}
    arrived = [s for name, s in ours.items() if counted(name, block)]
    node_s = quantiles([each.overhead_s for each in timed])
    bare_s = quantiles(arrived)
    parts = {part: quantiles([getattr(each, part) for each in timed]) for part in SPLIT}
    return {
        'images': case.name,
        'goal_ms': case.goal_ms,
        'node_frames': len(timed),
        'bare_frames': len(arrived),
        'node_s': node_s,
        'bare_s': bare_s,
        'added_s': {name: node_s[name] - bare_s[name] for name in node_s},
        'split_s': parts,
        'losses': lost.to_dict(),
        'bare_lost': lost.sent - len(ours),
    }


def goals(rows: Sequence[Mapping[str, Any]], period_s: float) -> list[Goal]:
    """Return the goals; lost frames have one if 95 % of the inferences fit the period."""
    found: list[Goal] = []
    for each in rows:
        if each['goal_ms'] is not None:
            name = f'{each["images"]}: added by the node, p50 [ms]'
            found.append(Ceiling(name, each['added_s']['p50'] * 1e3, each['goal_ms']))
        if each['split_s']['inference_s']['p95'] < period_s:
            lost = each['losses']
            name = f'{each["images"]}: frames lost'
            found.append(Ceiling(f'{name} by the node', lost['dropped'] + lost['refused'], 0))
            found.append(Ceiling(f'{name} on the way to it', lost['never_arrived'], 0))
    return found


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print both sides, their difference, and the parts of a frame's time."""
    print('ms from stamp to report without inference, and from stamp to callback of the subscriber')
    print(f'{"images":<16}{"node p50":>9}{"p95":>7}{"bare p50":>10}{"p95":>7}', end='')
    print(f'{"added p50":>11}{"p95":>7}{"dropped":>9}{"missing":>9}{"bare missing":>14}')
    for each in rows:
        print(f'{each["images"]:<16}', end='')
        for side, width in (('node_s', 9), ('bare_s', 10), ('added_s', 11)):
            p50, p95 = (each[side][name] * 1e3 for name in ('p50', 'p95'))
            print(f'{p50:>{width}.2f}{p95:>7.2f}', end='')
        lost = each['losses']
        print(f'{lost["dropped"]:>9}{lost["never_arrived"]:>9}{each["bare_lost"]:>14}')
    print('parts of the time of a frame in the node, p50 and p95 ms')
    print(f'{"images":<16}' + ''.join(f'{part[:-2]:>14}' for part in SPLIT))
    for each in rows:
        cells = [
            f'{each["split_s"][part]["p50"] * 1e3:.2f} {each["split_s"][part]["p95"] * 1e3:6.2f}'
            for part in SPLIT
        ]
        print(f'{each["images"]:<16}' + ''.join(f'{cell:>14}' for cell in cells))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = robot_parser(__doc__)
    parser.add_argument('--subnet', default='', help='sub-network; default: the cheapest')
    parser.add_argument('--seconds', type=float, default=20.0, help='duration of each side')
    parser.add_argument('--block', type=count, default=60, help='frames per block')
    parser.add_argument('--compressed', action='store_true', help='also JPEG images')
    options = parser.parse_args(arguments)
    if options.quick:
        options.seconds, options.block, options.profile_rounds = 1.0, 10, 3
    check_options(parser, options)
    if not options.seconds * options.rate >= 1:
        parser.error(f'seconds is {options.seconds}; expected time for at least one frame')
    if options.block <= SETTLE:
        parser.error(f'block is {options.block}; expected more than the {SETTLE} excluded frames')
    return options


if __name__ == '__main__':
    run_again_with(environment(os.environ))
    sys.exit(main())
