"""What a switch of the sub-network costs: random switches under a camera, and memory.

The real perception node classifies a camera's 640x480 images at 30 Hz while sub-networks are
commanded at random times, about one for every other frame. Three things are reported:

- how long a switch takes between two frames;
- the first frame after a switch, against frames of the same sub-network whose predecessor ran the
  same one: the same work in the same run, without a switch. Waiting is left out, because it
  depends on when the frame came; it stands beside;
- the frames that were lost, by the node or on the way to it.

Then the memory of the same sub-networks compiled, as one supernet in PyTorch, and as separate
static networks in PyTorch, each in a fresh process.

    python benchmarks/switching.py --json switching.json
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import Any

import memory_use
import numpy as np
from frames import Frame, losses, quantiles
from goals import Ceiling, Goal
from machine import count, facts, json_file
from rclpy.executors import ExternalShutdownException
from robot import Robot, RobotError, environment, read_json
from switching_table import PARTS, print_memory, print_run

from dynofa_ros.atomic_file import write_json
from dynofa_ros.demo.processes import ProcessDied
from dynofa_ros.engine import AUTO, ENGINES
from dynofa_ros.node_environment import run_again_with
from dynofa_ros.supernet import load_model

SWITCH_MS, FIRST_FRAME, LOST = 1.0, 1.2, 0
"""The goals: p99 of a switch, first frame against others, frames lost."""
GAP = (1.0, 3.0)
"""Between two commands, in camera periods: one for every other frame on average."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON; return 1 if something could not be measured."""
    options = _options(arguments)
    try:
        document = measure(options)
        if options.json:
            write_json(options.json, document)
    except (ValueError, ProcessDied) as error:
        print(f'switching: {error}', file=sys.stderr)
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        print('switching: interrupted; all processes are stopped', file=sys.stderr)
        return 130
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure what the options say, print it, and return it as the JSON holds it.

    Raises:
        ValueError: if the node does not start, or keeps fewer than two sub-networks.
    """
    machine = facts()
    model = load_model(options.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = drive(options, folder)
        subnets = memory_use.spread(model, options.networks)
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
    found = goals(run)
    for each in found:
        print(each.line())
    return {
        'machine': machine,
        'settings': {name: value for name, value in vars(options).items() if name != 'json'},
        **run,
        'memory': memory,
        'goals': [each.to_dict() for each in found],
    }


def drive(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run node and camera, command switches, and return the figures."""
    with Robot(folder) as robot:
        robot.start(
            model=options.model,
            engine=options.engine,
            threads=options.threads,
            profile_rounds=options.profile_rounds,
        )
        with robot.camera('switching', rate=options.rate) as sent:
            robot.wait_for(lambda: robot.seen('switching'), 'the first frame')
            choices = resident_here(robot.states[-1])
            commands = switch_at_random(robot, choices, options)
            robot.wait_for(
                lambda: robot.states[-1].command_sequence == commands[-1], 'the last switch'
            )
        robot.settle()
    filmed = read_json(sent)
    frames = robot.seen('switching')
    lost = losses(filmed['sent']['image'], frames, robot.classified_of('switching'))
    state = robot.states[-1]
    applied = [each for each in robot.states if each.command_applied]
    firsts, others = split(frames)
    run = {
        'engine': state.engine,
        'threads': state.threads,
        'processor': state.processor,
        'camera': filmed,
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


def resident_here(state: Any) -> list[str]:
    """Return the sub-networks that are resident where the one of this SubnetState runs.

    Raises:
        RobotError: if there is nothing to switch to.
    """
    place = state.processor, state.threads
    found = [e.subnet_id for e in state.residents if (e.processor, e.threads) == place]
    if len(found) < 2:
        raise RobotError(
            f'sub-networks resident on {state.processor} with {state.threads} threads: '
            f'{", ".join(found) or "none"}; a switch needs two'
        )
    return found


def switch_at_random(
    robot: Robot, choices: Sequence[str], options: argparse.Namespace
) -> list[int]:
    """Command one sub-network after the other, each another than before."""
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
    """Return the frames right after a switch, and those whose predecessor ran the same.

    Where a report was lost, nobody knows what ran before: the next frame is in neither.
    """
    firsts: list[Frame] = []
    others: list[Frame] = []
    for before, frame in pairwise(sorted(frames, key=attrgetter('sequence'))):
        if frame.sequence == before.sequence + 1:
            (others if frame.subnet_id == before.subnet_id else firsts).append(frame)
    return firsts, others


def compare(subnet_id: str, firsts: Sequence[Frame], others: Sequence[Frame]) -> dict[str, Any]:
    """Return one sub-network's medians on both sides and their ratios; NaN: it had no frame."""
    row: dict[str, Any] = {'subnet_id': subnet_id}
    for side, everything in (('first', firsts), ('other', others)):
        frames = [each for each in everything if each.subnet_id == subnet_id]
        row[f'{side}_frames'] = len(frames)
        for part in PARTS:
            values = [getattr(each, part) for each in frames]
            row[f'{side}_{part}'] = median(values) if values else float('nan')
    row['inference_ratio'] = row['first_inference_s'] / row['other_inference_s']
    row['work_ratio'] = row['first_work_s'] / row['other_work_s']
    return row


def goals(run: dict[str, Any]) -> list[Goal]:
    """Return what is to be reached. The worst sub-network decides; unknown is missed."""
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


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--model', default='ofa_mbv3_cifar10', help='a name or a folder')
    parser.add_argument('--engine', choices=(AUTO, *ENGINES), default=AUTO)
    parser.add_argument('--threads', type=int, default=0, help='CPU threads; 0: all cores')
    parser.add_argument('--switches', type=count, default=1000)
    parser.add_argument('--rate', type=float, default=30.0, help='of the camera [Hz]')
    parser.add_argument('--networks', type=count, default=6, help='whose memory is compared')
    parser.add_argument('--profile-rounds', type=count, default=15, help="of the node's profile")
    parser.add_argument('--seed', type=int, default=0, help='of the switches')
    parser.add_argument('--quick', action='store_true', help='a trial: few switches and networks')
    parser.add_argument('--json', type=json_file, help='file for the figures')
    options = parser.parse_args(arguments)
    if not options.rate > 0 or options.threads < 0:
        parser.error(f'rate is {options.rate} and threads {options.threads}; must be above 0')
    if options.quick:
        options.switches, options.networks = min(options.switches, 20), 2
        options.profile_rounds = 3
    return options


if __name__ == '__main__':
    run_again_with(environment(os.environ))
    sys.exit(main())
