"""What it costs to watch a machine: the CPU time of the platform node, with and without sampling.

The machine is one of those of the tests (test/platform/linux/boards.py): a folder of files, read
20 times a second by the real node in a process of its own. The node that samples and the one that
hardly does run in turn, each for some seconds; both publish `platform_state` 10 times a second. On
a board the driver of a sensor takes time too, most of it waiting for the sensor's bus; that is not
in these figures.

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

from goals import Ceiling
from machine import count, facts, json_file

from dynofa_ros.atomic_file import write_json

MACHINES = Path(__file__).resolve().parent.parent / 'test' / 'platform' / 'linux'
RATE_HZ = 20.0
HARDLY_HZ = 0.1
GOAL = 0.01
START_S = 4.0
"""Until the node has started, and rclpy is quiet."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON; return 1 for a machine that there is not."""
    options = _options(arguments)
    sys.path.insert(0, str(MACHINES))
    from boards import BOARDS

    for name in options.boards:
        if name not in BOARDS:
            print(f'monitoring: board is {name!r}; expected {", ".join(BOARDS)}', file=sys.stderr)
            return 1
    document: dict[str, Any] = {
        'machine': facts(),
        'settings': {name: value for name, value in vars(options).items() if name != 'json'},
        'rate_hz': RATE_HZ,
        'rows': [],
    }
    print(f'{"machine":<22}{"sampling":>10}{"hardly":>10}{"ratio":>8}   % of a core, medians')
    for name in options.boards:
        with tempfile.TemporaryDirectory() as folder:
            BOARDS[name](Path(folder) / 'root')
            row = {'board': name} | measure(Path(folder), options)
        document['rows'].append(row)
        both = ''.join(f'{row[side] * 100:>10.2f}' for side in ('with', 'without'))
        print(f'{name:<22}{both}{row["ratio"]:>8.2f}')
    found = [
        Ceiling(f'{row["board"]}: sampling at 20 Hz [part of a core]', row['sampling'], GOAL)
        for row in document['rows']
    ]
    for each in found:
        print(each.line())
    document['goals'] = [each.to_dict() for each in found]
    if options.json:
        write_json(options.json, document)
    return 0


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run the node that samples and the one that hardly does, in turn."""
    shares: dict[str, list[float]] = {'with': [], 'without': []}
    for _ in range(options.rounds):
        for side, rate_hz in (('with', RATE_HZ), ('without', HARDLY_HZ)):
            shares[side].append(busy_share(folder, rate_hz, options.seconds))
    median = {side: statistics.median(each) for side, each in shares.items()}
    return median | {
        'ratio': median['with'] / median['without'],
        'sampling': median['with'] - median['without'],
        'runs': shares,
    }


def busy_share(folder: Path, rate_hz: float, seconds: float) -> float:
    """Return the part of a core that a node keeps busy."""
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
        before_s, start_s = _busy_s(node.pid), time.monotonic()
        time.sleep(seconds)
        return (_busy_s(node.pid) - before_s) / (time.monotonic() - start_s)
    finally:
        node.send_signal(signal.SIGINT)
        node.wait()


def _busy_s(pid: int) -> float:
    """Return the CPU time of all threads of a process [s]; in ticks it would be too coarse."""
    return sum(
        int((task / 'schedstat').read_text().split()[0]) * 1e-9
        for task in Path(f'/proc/{pid}/task').iterdir()
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument(
        '--boards', nargs='+', default=['xavier_nx_jetpack5', 'intel_laptop'], metavar='NAME'
    )
    parser.add_argument('--rounds', type=count, default=5, help='runs of each side')
    parser.add_argument('--seconds', type=count, default=10, help='of each run')
    parser.add_argument('--quick', action='store_true', help='one short run: a trial, no figures')
    parser.add_argument('--json', type=json_file, metavar='FILE', help='write the figures')
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 1
    return options


if __name__ == '__main__':
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    sys.exit(main())
