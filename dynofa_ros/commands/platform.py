"""`dynofa platform`: what this machine has, and its clocks put back by hand."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    platform = commands.add_parser(
        'platform',
        help='show the clocks and sensors of this machine; put its clocks back',
        description='Show what this machine has: clocks, power, temperatures, limits, and what is '
        'missing to use them; nothing is written. `restore` puts clocks back that a process which '
        'died has left turned. docs/devices.md explains both.',
    )
    platform.add_argument(
        'action', nargs='?', choices=('show', 'restore'), default='show', help='default: show'
    )
    platform.add_argument('--json', type=Path, metavar='OUT', help='file for all that was found')
    platform.add_argument(
        '--state-file',
        type=Path,
        metavar='FILE',
        help='of `restore`: where the clocks found were kept; default: as the platform node does',
    )
    platform.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from dynofa_ros.platform.linux.command import restore, show

    if options.action == 'restore':
        return restore(options.state_file)
    return show(options.json)
