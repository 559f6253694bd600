"""`dynofa platform`: what this machine has, its clocks put back by hand, its description."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    platform = commands.add_parser(
        'platform',
        help='show the clocks and sensors of this machine; put its clocks back; measure it',
        description='Show what this machine has: clocks, power, temperatures, limits, and what is '
        'missing to use them; nothing is written. `restore` puts clocks back that a process which '
        'died has left turned. docs/devices.md explains both. `calibrate` measures the machine at '
        'its clocks and writes its description: docs/platforms.md.',
    )
    platform.add_argument('--json', type=Path, metavar='OUT', help='file for all that was found')
    platform.set_defaults(run=_show)
    actions = platform.add_subparsers(metavar='ACTION', title='actions, default: show')
    show = actions.add_parser('show', help='show what this machine has')
    # Without a default of its own: it would undo what was given before the action.
    show.add_argument(
        '--json',
        type=Path,
        metavar='OUT',
        default=argparse.SUPPRESS,
        help='file for all that was found',
    )
    restore = actions.add_parser('restore', help='put clocks back by hand')
    _add_state_file(restore)
    restore.set_defaults(run=_restore)
    _add_calibrate(actions)


def _add_state_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--state-file',
        type=Path,
        metavar='FILE',
        help='where the clocks found are kept; default: as the platform node does',
    )


def _add_calibrate(actions: Any) -> None:
    calibrate = actions.add_parser(
        'calibrate',
        help='measure latency and power at the clocks of this machine, write its description',
        description='Turn the clocks of this machine, from the lowest upwards, run sub-networks '
        'at each, fit latency and power, and write a platform description. The clocks are put '
        'back, whatever happens. The machine should do nothing else meanwhile.',
    )
    calibrate.add_argument(
        '--output', type=Path, required=True, metavar='FILE', help='the description, YAML'
    )
    calibrate.add_argument('--picture', type=Path, metavar='FILE', help='PNG of what was measured')
    calibrate.add_argument('--json', type=Path, metavar='OUT', help='file for all figures')
    calibrate.add_argument(
        '--base',
        metavar='PLATFORM',
        help='description to take what cannot be measured from: name or file; default: that of '
        'the board, or of the architecture',
    )
    calibrate.add_argument(
        '--domain',
        nargs='+',
        metavar='NAME',
        help='clocks to turn; default: all that can be turned and run networks',
    )
    calibrate.add_argument(
        '--clocks', type=int, default=12, metavar='N', help='of each domain at most; default: 12'
    )
    calibrate.add_argument(
        '--seconds', type=float, default=4.0, metavar='S', help='of frames at each; default: 4'
    )
    calibrate.add_argument(
        '--cool-seconds',
        type=float,
        default=300.0,
        metavar='S',
        help='how long to wait for a hot machine to cool; default: 300',
    )
    calibrate.add_argument('--model', default='ofa_mbv3_cifar10', help='model: name or folder')
    calibrate.add_argument(
        '--engine', default='auto', metavar='NAME', help='default: auto, the fastest'
    )
    _add_state_file(calibrate)
    calibrate.set_defaults(run=_calibrate)


def _show(options: argparse.Namespace) -> int:
    from dynofa_ros.platform.linux.describe import show

    return show(options.json)


def _restore(options: argparse.Namespace) -> int:
    from dynofa_ros.platform.linux.describe import restore

    return restore(options.state_file)


def _calibrate(options: argparse.Namespace) -> int:
    from dynofa_ros.offline.calibration.run import run_calibration
    from dynofa_ros.report.calibration import calibration_table, draw_calibration

    figures = run_calibration(options)
    print(calibration_table(figures), end='', flush=True)
    print(f'{figures["written"]} written')
    if options.picture:
        draw_calibration(figures, options.picture)
        print(f'{options.picture} shows it')
    return 0
