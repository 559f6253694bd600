# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The verbs of `dynofa`, one file each: its options, and the function of the package it calls.

Heavy modules are imported when a command runs, so that ``dynofa --help`` answers at once.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Any


def keywords(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a command as keyword arguments for the function that it calls."""
    return {key: vars(options)[key] for key in vars(options) if key not in ('command', 'run')}


def require(*packages: str, extra: str) -> None:
    """Check that the packages of an optional extra are installed.

    Raises:
        ValueError: naming the first missing package and the extra to install.
    """
    for package in packages:
        if find_spec(package) is None:
            raise ValueError(f"{package} is not installed: pip install 'dynofa_ros[{extra}]'")
