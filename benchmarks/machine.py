# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The frame of every benchmark: its common options, the machine it ran on, and its JSON file."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from dynofa_ros.atomic_file import write_json

PACKAGES = ('numpy', 'onnxruntime', 'onnxruntime-gpu', 'openvino', 'torch', 'torchvision')
"""Packages whose version affects how fast a network runs."""


def benchmark_parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the first line of a module's docstring and the option `--json`."""
    parser = argparse.ArgumentParser(description=(doc or '').partition('\n')[0])
    parser.add_argument('--json', type=json_file, metavar='FILE', help='file for the figures')
    return parser


def run_benchmark(
    name: str,
    measure: Callable[[argparse.Namespace], dict[str, Any]],
    options: argparse.Namespace,
    *,
    errors: tuple[type[Exception], ...] = (ValueError,),
    interrupts: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
) -> int:
    """Measure, and write the figures with machine and settings to `options.json`.

    Returns the exit status: 1 after one of `errors`, or if `measure` returns an `agreement` that is
    not met; 130 after one of `interrupts`.
    """
    settings = {key: value for key, value in vars(options).items() if key != 'json'}
    try:
        document = {'machine': facts(), 'settings': settings} | measure(options)
        if options.json:
            write_json(options.json, document)
    except errors as error:
        print(f'{name}: {error}', file=sys.stderr)
        return 1
    except interrupts:
        print(f'{name}: interrupted; all processes are stopped', file=sys.stderr)
        return 130
    return 0 if (document.get('agreement') or {'met': True})['met'] else 1


def facts() -> dict[str, Any]:
    """Return processor, cores, system, versions and load of this machine."""
    return {
        'cpu': cpu_model(),
        'architecture': platform.machine(),
        'cores': usable_cores(),
        'system': platform.platform(),
        'python': platform.python_version(),
        'packages': versions(),
        # Mean number of runnable programs in the last minute: near 0 on a quiet machine.
        'load_average_1_min': os.getloadavg()[0],
    }


def cpu_model(root: Path = Path('/')) -> str:
    """Return the name of the processor, or of the board if the processor has none."""
    try:
        for line in (root / 'proc/cpuinfo').read_text().splitlines():
            key, _, value = line.partition(':')
            if key.strip() == 'model name':
                return value.strip()
        return (root / 'proc/device-tree/model').read_text().strip('\0\n ')
    except OSError:
        return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def versions() -> dict[str, str]:
    """Return the versions of the installed packages."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def count(text: str) -> int:
    """Parse an option that counts something, for ``argparse``."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'the value is {text!r}; expected an integer above 0')
    return int(text)


def json_file(text: str) -> Path:
    """Parse the path of a file to write, so that a wrong one is refused before the measurement."""
    path = Path(text).expanduser()
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(
            f'the value is {text!r}; expected a file in an existing folder'
        )
    return path
