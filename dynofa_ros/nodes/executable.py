# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run a node's module as an executable: environment, help, and signals while it is imported."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence

from dynofa_ros.bags.play_options import split_ros_arguments
from dynofa_ros.node_environment import node_environment, run_again_with
from dynofa_ros.nodes.signals import exit_on_signals
from dynofa_ros.share import share_path

PARAMETER_FILE = 'config/dynofa.yaml'


def run(node: str) -> int:
    """Run `dynofa_ros.nodes.<node>.node`, and return its exit code.

    The signals are expected to be blocked. While PyTorch is imported, which takes seconds, a signal
    ends the process at once.
    """
    run_again_with(node_environment(os.environ))
    exit_on_signals()
    if section := parameter_section(node):
        check_arguments(node, section, sys.argv[1:])
    return int(importlib.import_module(f'dynofa_ros.nodes.{node}.node').main() or 0)


def parameter_section(node: str) -> str:
    """Return the lines of a node in config/dynofa.yaml; empty: it has none."""
    text = share_path(PARAMETER_FILE).read_text()
    section = re.search(rf'^/\*\*/{node}:\n  ros__parameters:\n((?: .*\n)+)', text, re.MULTILINE)
    return section.group(1) if section else ''


def check_arguments(node: str, section: str, arguments: Sequence[str]) -> None:
    """Print the help and exit, if that is asked for; exit with code 2 for an unknown argument."""
    described = importlib.import_module(f'dynofa_ros.nodes.{node}').__doc__
    parser = argparse.ArgumentParser(
        prog=f'{node}_node',
        usage='%(prog)s [-h] [--ros-args [-p NAME:=VALUE] [--params-file FILE] [-r FROM:=TO] ...]',
        description=described,
        epilog=f'Parameters with their defaults; * can change at run time:\n\n{section}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    own, _ = split_ros_arguments(arguments)
    parser.parse_args(own)
