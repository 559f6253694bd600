# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa platform`: show this machine's hardware, restore its frequency settings, calibrate it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dynofa_ros.commands import keywords, require


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    platform = commands.add_parser(
        'platform',
        help='show frequencies and sensors of this machine; restore settings; calibrate',
        description='Show frequency domains, power sensors, temperatures and limits of this '
        'machine, and what is missing to use them; nothing is changed. `restore` restores '
        'frequency settings left behind by a crashed process. docs/devices.md explains both. '
        '`calibrate` measures the machine and writes its description: docs/platforms.md.',
    )
    platform.set_defaults(run=_show, json=None)
    actions = platform.add_subparsers(metavar='ACTION', title='actions, default: show')
    show = actions.add_parser('show', help='show the hardware of this machine')
    for parser in (platform, show):
        # A default in `show` would override a --json given before the action.
        json = {'type': Path, 'metavar': 'OUT', 'default': argparse.SUPPRESS}
        parser.add_argument('--json', **json, help='file for the full inventory')
    restore = actions.add_parser('restore', help='restore frequency settings after a crash')
    _add_state_file(restore)
    restore.set_defaults(run=_restore)
    _add_calibrate(actions)


def _add_state_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--state-file',
        type=Path,
        metavar='FILE',
        help='saved frequency settings; default: the file of the platform node',
    )


def _add_calibrate(actions: Any) -> None:
    calibrate = actions.add_parser(
        'calibrate',
        help='measure latency and power over frequency, write a platform description',
        description='Set the frequencies of this machine in ascending order, run sub-networks at '
        'each, fit latency and power, and write a platform description. The frequency settings '
        'are always restored. Nothing else should run on the machine.',
    )
    add = calibrate.add_argument
    add('--output', type=Path, required=True, metavar='FILE', help='the description, YAML')
    add('--picture', type=Path, metavar='FILE', help='PNG of the measurements')
    add('--json', type=Path, metavar='OUT', help='file for all figures')
    add(
        '--base',
        metavar='PLATFORM',
        help='description that provides what cannot be measured: name or file; default: that of '
        'the board, or of the architecture',
    )
    add(
        '--domain',
        nargs='+',
        metavar='NAME',
        help='frequency domains; default: all that can be set and run networks',
    )
    add('--clocks', type=int, default=12, metavar='N', help='frequencies per domain; default: 12')
    add('--seconds', type=float, default=4.0, metavar='S', help='frames per frequency; default: 4')
    add(
        '--cool-seconds',
        type=float,
        default=300.0,
        metavar='S',
        help='longest cooldown; default: 300',
    )
    add('--model', default='ofa_mbv3_cifar10', help='model: name or folder')
    add('--engine', default='auto', metavar='NAME', help='default: auto, the fastest')
    _add_state_file(calibrate)
    calibrate.set_defaults(run=_calibrate)


def _show(options: argparse.Namespace) -> int:
    from dynofa_ros.platform.linux.describe import show

    return show(options.json)


def _restore(options: argparse.Namespace) -> int:
    from dynofa_ros.platform.linux.describe import restore

    return restore(options.state_file)


def _calibrate(options: argparse.Namespace) -> int:
    require('scipy', extra='calibrate')
    from dynofa_ros.offline.calibration.run import CalibrationOptions, run_calibration
    from dynofa_ros.report.calibration import calibration_table, draw_calibration

    figures = run_calibration(CalibrationOptions(**keywords(options)))
    print(calibration_table(figures), end='', flush=True)
    print(f'{figures["written"]} written')
    if options.picture:
        draw_calibration(figures, options.picture)
        print(f'{options.picture}: plot of the measurements')
    return 0
