# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Cost of a switch of the sub-network, at random times under a camera, and memory.

The real perception node classifies a camera's 640x480 images at 30 Hz while sub-networks are
commanded at random times, about one for every other frame. The benchmark reports

- the time of a switch between two frames;
- the first frame after a switch, relative to frames of the same sub-network without a switch before
  them. The waiting time depends on when the frame arrived: it is excluded and reported separately;
- the frames lost by the node or on the way to it.

Then it measures the memory of the same sub-networks compiled, as one supernet in PyTorch, and as
separate static networks in PyTorch, each in a fresh process.

    python benchmarks/switching.py --json switching.json
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import Any

import memory_use
import numpy as np
from frames import Frame, losses, quantiles
from goals import Ceiling, Goal, judge
from machine import count, run_benchmark
from robot import (
    ERRORS,
    INTERRUPTS,
    Robot,
    RobotError,
    check_options,
    environment,
    read_json,
    robot_parser,
)

from dynofa_ros.node_environment import run_again_with
from dynofa_ros.supernet import load_model

SWITCH_MS, FIRST_FRAME, LOST = 1.0, 1.2, 0
"""The goals: p99 of a switch, first frame against others, frames lost."""
GAP = (1.0, 3.0)
"""Range between two commands, in camera periods: one for every other frame on average."""
PARTS = ('inference_s', 'work_s', 'queue_s')
"""Times of a frame to compare; the first two have a ratio."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON; return 1 if something could not be measured."""
    options = _options(arguments)
    return run_benchmark('switching', measure, options, errors=ERRORS, interrupts=INTERRUPTS)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, print and return the figures.

    Raises:
        ValueError: if the node does not start, or has fewer than two sub-networks.
    """
    model = load_model(options.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = drive(options, folder)
        subnets = memory_use.evenly_spaced(model, options.networks)
        memory_use.save_static(model, subnets, folder)
        memory = {
            kind: memory_use.measure(
                kind,
                options.model,
                subnets,
                engine=run['engine'],
                threads=run['threads'],
                folder=folder,
            )
            for kind in (memory_use.COMPILED, memory_use.SUPERNET, memory_use.STATIC)
        }
    print_memory(memory)
    return {**run, 'memory': memory, 'goals': judge(goals(run))}


def drive(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run node and camera, command switches, print and return the figures."""
    with Robot(folder) as robot:
        robot.start(
            model=options.model,
            engine=options.engine,
            threads=options.threads,
            profile_rounds=options.profile_rounds,
        )
        with robot.camera('switching', rate=options.rate) as sent:
            robot.wait_for(lambda: robot.frames_of('switching'), 'the first frame')
            choices = switchable(robot.states[-1])
            commands = switch_at_random(robot, choices, options)
            robot.wait_for(
                lambda: robot.states[-1].command_sequence == commands[-1], 'the last switch'
            )
        robot.settle()
    camera = read_json(sent)
    frames = robot.frames_of('switching')
    lost = losses(camera['sent']['image'], frames, robot.classified_of('switching'))
    state = robot.states[-1]
    applied = [each for each in robot.states if each.command_applied]
    firsts, others = split(frames)
    run = {
        'engine': state.engine,
        'threads': state.threads,
        'processor': state.processor,
        'camera': camera,
        'commanded': len(commands),
        'applied': len({each.command_sequence for each in applied}),
        'seen_in_frames': len(firsts),
        'switch_s': quantiles([each.switch_s for each in applied]),
        'subnets': [compare(each, firsts, others) for each in choices],
        'losses': lost.to_dict(),
        'residents': len(state.residents),
        'resident_bytes': state.resident_bytes,
    }
    print_run(run)
    print(lost.line())
    return run


def switchable(state: Any) -> list[str]:
    """Return the resident sub-networks with the processor and threads of a SubnetState.

    Raises:
        RobotError: if there are fewer than two.
    """
    place = state.processor, state.threads
    found = [e.subnet_id for e in state.residents if (e.processor, e.threads) == place]
    if len(found) < 2:
        raise RobotError(
            f'resident on {state.processor} with {state.threads} threads is '
            f'{", ".join(found) or "no sub-network"}; expected at least two, for a switch'
        )
    return found


def switch_at_random(
    robot: Robot, choices: Sequence[str], options: argparse.Namespace
) -> list[int]:
    """Command sub-networks, each different from the one before; return the command numbers."""
    generator = np.random.default_rng(options.seed)
    commands: list[int] = []
    running, due_s = robot.states[-1].subnet_id, time.monotonic()
    while len(commands) < options.switches:
        wait_s = due_s - time.monotonic()
        if wait_s > 0:
            robot.listen(wait_s)
            continue
        running = generator.choice([each for each in choices if each != running])
        commands.append(robot.command(str(running)))
        due_s = time.monotonic() + generator.uniform(*GAP) / options.rate
    return commands


def split(frames: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
    """Return the first frames after a switch, and those after a frame of the same sub-network.

    A frame after a lost report is in neither list, as its predecessor is unknown.
    """
    firsts: list[Frame] = []
    others: list[Frame] = []
    for before, frame in pairwise(sorted(frames, key=attrgetter('sequence'))):
        if frame.sequence == before.sequence + 1:
            (others if frame.subnet_id == before.subnet_id else firsts).append(frame)
    return firsts, others


def compare(subnet_id: str, firsts: Sequence[Frame], others: Sequence[Frame]) -> dict[str, Any]:
    """Return medians and ratios of both sides for one sub-network; NaN without frames."""
    row: dict[str, Any] = {'subnet_id': subnet_id}
    for side, frames in (('first', firsts), ('other', others)):
        own = [each for each in frames if each.subnet_id == subnet_id]
        row[f'{side}_frames'] = len(own)
        for part in PARTS:
            values = [getattr(each, part) for each in own]
            row[f'{side}_{part}'] = median(values) if values else float('nan')
    row['inference_ratio'] = row['first_inference_s'] / row['other_inference_s']
    row['work_ratio'] = row['first_work_s'] / row['other_work_s']
    return row


def goals(run: dict[str, Any]) -> list[Goal]:
    """Return the goals. The worst sub-network decides, and an unknown figure misses its goal."""
    lost = run['losses']
    worst = {
        name: float(np.max([row[name] for row in run['subnets']]))
        for name in ('inference_ratio', 'work_ratio')
    }
    return [
        Ceiling('switch, p99 [ms]', run['switch_s']['p99'] * 1e3, SWITCH_MS),
        Ceiling('first frame / others, inference', worst['inference_ratio'], FIRST_FRAME),
        Ceiling('first frame / others, all work', worst['work_ratio'], FIRST_FRAME),
        Ceiling('frames lost by the node', lost['dropped'] + lost['refused'], LOST),
        Ceiling('frames lost on the way to it', lost['never_arrived'], LOST),
    ]


def print_run(run: Mapping[str, Any]) -> None:
    """Print the figures of the switches."""
    switch_ms = {name: value * 1e3 for name, value in run['switch_s'].items()}
    print(f'{run["engine"]}, {run["processor"]}, threads: {run["threads"]}')
    print(
        f'switches: {run["commanded"]} commanded, {run["applied"]} applied, '
        f'{run["seen_in_frames"]} seen in frames; ms: p50 {switch_ms["p50"]:.3f}, '
        f'p99 {switch_ms["p99"]:.3f}, max {switch_ms["max"]:.3f}'
    )
    print('median ms of the first frames after a switch, and of the others')
    print(f'{"sub-network":<22}{"frames":>12}{"inference":>16}{"ratio":>7}', end='')
    print(f'{"all work":>16}{"ratio":>7}{"waited":>16}')
    for row in run['subnets']:
        cells = {
            part: f'{row[f"first_{part}"] * 1e3:.2f} {row[f"other_{part}"] * 1e3:6.2f}'
            for part in PARTS
        }
        frames = f'{row["first_frames"]} {row["other_frames"]:5}'
        print(
            f'{row["subnet_id"]:<22}{frames:>12}{cells["inference_s"]:>16}'
            f'{row["inference_ratio"]:>7.2f}{cells["work_s"]:>16}{row["work_ratio"]:>7.2f}'
            f'{cells["queue_s"]:>16}'
        )


def print_memory(memory: Mapping[str, Any]) -> None:
    """Print the memory that each way of keeping sub-networks adds to a process."""
    print('growth of the resident set of a process, MB; per sub-network also the allocated memory')
    print(f'{"kept as":<12}{"networks":>9}{"weights":>9}{"each":>8}{"allocated":>11}{"all":>8}')
    for kind, readings in memory.items():
        steps = dict(readings['steps'])
        weights = steps.pop(memory_use.WEIGHTS, {}).get('resident_set_bytes', 0)
        each = [step['resident_set_bytes'] for step in steps.values()]
        allocated = [step['allocated_bytes'] for step in steps.values()]
        figures = (weights, sum(each) / len(each), sum(allocated) / len(each), weights + sum(each))
        cells = [f'{figure / 1e6:.1f}' for figure in figures]
        print(f'{kind:<12}{len(each):>9}{cells[0]:>9}{cells[1]:>8}{cells[2]:>11}{cells[3]:>8}')


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = robot_parser(__doc__)
    parser.add_argument('--switches', type=count, default=1000)
    parser.add_argument(
        '--networks', type=count, default=6, help='sub-networks in the comparison of memory'
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the switches')
    options = parser.parse_args(arguments)
    check_options(parser, options)
    if options.quick:
        options.switches, options.networks = min(options.switches, 20), 2
        options.profile_rounds = 3
    return options


if __name__ == '__main__':
    run_again_with(environment(os.environ))
    sys.exit(main())
