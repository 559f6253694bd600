# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Cost of monitoring a machine: CPU time of the platform node, with and without sampling.

The machine is one of the test boards (test/platform/linux/boards.py): a folder of files, sampled at
20 Hz by the real node in its own process. A node that samples and one that hardly does run
alternately for some seconds each; both publish `platform_state` at 10 Hz. The time that sensor
drivers and buses take on a real board is not included.

    python benchmarks/monitoring.py --json monitoring.json
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cpu_time import busy_share
from goals import Ceiling, judge
from machine import benchmark_parser, count, run_benchmark

MACHINES = Path(__file__).resolve().parent.parent / 'test' / 'platform' / 'linux'
RATE_HZ = 20.0
HARDLY_HZ = 0.1
GOAL = 0.01
START_S = 4.0
"""Time for the node to start and rclpy to settle."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON; return 1 for an unknown board."""
    return run_benchmark('monitoring', measure_all, _options(arguments))


def measure_all(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all boards; print a table. Raises ValueError for an unknown board."""
    sys.path.insert(0, str(MACHINES))
    from boards import BOARDS

    for name in options.boards:
        if name not in BOARDS:
            raise ValueError(f'board is {name!r}; expected {", ".join(BOARDS)}')
    rows = []
    print(f'{"machine":<22}{"sampling":>10}{"hardly":>10}{"ratio":>8}   % of a core, medians')
    for name in options.boards:
        with tempfile.TemporaryDirectory() as folder:
            BOARDS[name](Path(folder) / 'root')
            row = {'board': name} | measure(Path(folder), options)
        rows.append(row)
        both = ''.join(f'{row[side] * 100:>10.2f}' for side in ('with', 'without'))
        print(f'{name:<22}{both}{row["ratio"]:>8.2f}')
    goals = [
        Ceiling(f'{row["board"]}: sampling at 20 Hz [part of a core]', row['sampling'], GOAL)
        for row in rows
    ]
    return {'rate_hz': RATE_HZ, 'rows': rows, 'goals': judge(goals)}


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run a node that samples and one that hardly does alternately; return their CPU shares."""
    shares: dict[str, list[float]] = {'with': [], 'without': []}
    for _ in range(options.rounds):
        for side, rate_hz in (('with', RATE_HZ), ('without', HARDLY_HZ)):
            shares[side].append(node_share(folder, rate_hz, options.seconds))
    median = {side: statistics.median(each) for side, each in shares.items()}
    return median | {
        'ratio': median['with'] / median['without'],
        'sampling': median['with'] - median['without'],
        'runs': shares,
    }


def node_share(folder: Path, rate_hz: float, seconds: float) -> float:
    """Return the fraction of a core that a node uses."""
    command = [sys.executable, '-m', 'dynofa_ros.nodes.platform.node', '--ros-args']
    for parameter in (
        'device:=linux',
        f'sysfs_root:={folder / "root"}',
        f'state_file:={folder / "clocks.json"}',
        f'sample_rate_hz:={rate_hz}',
    ):
        command += ['-p', parameter]
    node = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(START_S)
        return busy_share(node.pid, lambda: time.sleep(seconds))
    finally:
        node.send_signal(signal.SIGINT)
        node.wait()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = benchmark_parser(__doc__)
    parser.add_argument(
        '--boards', nargs='+', default=['xavier_nx_jetpack5', 'intel_laptop'], metavar='NAME'
    )
    parser.add_argument('--rounds', type=count, default=5, help='runs of each side')
    parser.add_argument('--seconds', type=count, default=10, help='of each run')
    parser.add_argument('--quick', action='store_true', help='a trial: one short run')
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 1
    return options


if __name__ == '__main__':
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    sys.exit(main())
