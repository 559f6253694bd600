# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The command `dynofa`: train, measure and simulate before deployment, with or without ROS."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dynofa_ros.commands import (
    cascade,
    evaluate,
    fetch_weights,
    fit_platform,
    platform,
    profile,
    quantize,
    search,
    simulate,
    train,
)

COMMANDS = (
    train,
    evaluate,
    fetch_weights,
    search,
    cascade,
    profile,
    quantize,
    fit_platform,
    platform,
    simulate,
)

EXTRAS = {
    'matplotlib': 'simulate',
    'pydantic': 'run',
    'rich': 'simulate',
    'torch': 'train',
    'typing_extensions': 'run',
}
"""The extra that brings a package which a command imports without asking for it first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog='dynofa', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except ValueError as error:
        print(f'dynofa {options.command}: {error}', file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        package = (error.name or '').partition('.')[0]
        if package not in EXTRAS:
            raise
        remedy = f"{package} is not installed: pip install 'dynofa_ros[{EXTRAS[package]}]'"
        print(f'dynofa {options.command}: {remedy}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'dynofa {options.command}: interrupted', file=sys.stderr)
        return 130


if __name__ == '__main__':
    sys.exit(main())
