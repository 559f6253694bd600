# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa fit-platform`: fit a platform description to measurements of a board."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dynofa_ros.commands import keywords


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    fit = commands.add_parser(
        'fit-platform',
        help='fit a platform description to measurements of a board',
        description='Fit the latency (a + b/f) and power (a table) of a processor to measurements '
        'at each of its frequencies, report the errors, and write the numbers into a platform '
        'description, or print them for a new one.',
    )
    add = fit.add_argument
    add(
        '--data',
        type=Path,
        required=True,
        help="folder of one board in LoudVA's layout: performance/freqs, power/freqs",
    )
    add(
        '--platform',
        type=Path,
        help='YAML file to update: its numbers whose source is --source; default: print',
    )
    add('--source', default='loudva_fit', help='key of the fit in its sources')
    add('--processor', default='gpu', help='processor that was measured')
    add(
        '--flops',
        type=float,
        default=11.43e9,
        help='floating-point operations of a frame, 2 per multiply-add; default: InceptionV3',
    )
    add(
        '--layers',
        type=int,
        default=95,
        help='convolutions and fully connected layers of the network; default: InceptionV3',
    )
    add('--picture', type=Path, help='PNG file: fit and measurements')
    fit.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from dynofa_ros.offline.calibration.loudva_run import run_fit
    from dynofa_ros.report.platform_fit import draw_fit, fit_table

    given = keywords(options)
    picture = given.pop('picture')
    figures = run_fit(**given)
    print(fit_table(figures), flush=True)
    if picture:
        draw_fit(figures, picture)
        print(f'{picture}: plot of the fit')
    print(figures['written'], end='', flush=True)
    return 0
