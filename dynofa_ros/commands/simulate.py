# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa simulate`: simulate applications on a platform under a policy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the sub-parsers of `dynofa`."""
    simulate = commands.add_parser(
        'simulate',
        help='simulate applications on a platform under a policy',
        description='Run a scenario on a platform description: frames, frequencies, other '
        'programs, power, temperature and battery are all modelled. The same seed gives the same '
        'result. docs/simulation.md lists the policies.',
    )
    add = simulate.add_argument
    add('--platform', default='jetson_xavier_nx', metavar='FILE', help='platform: name or file')
    add('--scenario', default='paper_trace', metavar='FILE', help='scenario: name or file')
    add(
        '--policy',
        default='ours',
        metavar='NAME',
        help='policy, such as ours, stepping, or static-best:schedutil',
    )
    add('--seed', type=int, default=0, metavar='N', help='random seed')
    add(
        '--profile-error',
        type=float,
        metavar='STD',
        help='standard deviation of log(true / profiled latency) of a sub-network; default: the '
        "scenario's",
    )
    add(
        '--latency-distribution',
        metavar='KIND',
        help="lognormal, pareto, bimodal, outliers or drift; default: the scenario's",
    )
    add('--json', type=Path, metavar='OUT', help='file for the figures')
    add('--trace', type=Path, metavar='FILE', help='file for all events, JSON Lines')
    simulate.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from dynofa_ros.simulation.report import run_simulation

    return run_simulation(options)
