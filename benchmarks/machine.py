"""What every benchmark says of the machine it ran on, and how it writes its figures."""

from __future__ import annotations

import argparse
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ('numpy', 'onnxruntime', 'onnxruntime-gpu', 'openvino', 'torch', 'torchvision')
"""Those whose version changes how fast a network runs."""


def facts() -> dict[str, Any]:
    """Return the machine and the versions: processor, cores, Python, packages, load."""
    return {
        'cpu': cpu_model(),
        'architecture': platform.machine(),
        'cores': usable_cores(),
        'system': platform.platform(),
        'python': platform.python_version(),
        'packages': versions(),
        # How many programs wanted a core in the minute before: a quiet machine is near 0.
        'load_average_1_min': os.getloadavg()[0],
    }


def cpu_model(root: Path = Path('/')) -> str:
    """Return the processor's name; on a board that does not tell it, the board's."""
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
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Return the versions of the packages that are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def count(text: str) -> int:
    """Read an option that counts something; for ``argparse``."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is no integer above 0')
    return int(text)


def json_file(text: str) -> Path:
    """Read an option that names a file to write, before an hour is measured for nothing."""
    path = Path(text).expanduser()
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f'{text!r} is no file in a folder that exists')
    return path
