# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Memory of sub-networks: compiled, as one supernet, or as separate static networks.

Each is measured in a fresh process, started by ``measure``, which prints JSON. Before each reading
the allocator returns its free memory to the system.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from networks import eager_runner
from torch import nn

from dynofa_ros.engine import Place, ResidentSet, create_engine, default_cache, networks
from dynofa_ros.engine.memory import allocated_bytes, resident_set_bytes
from dynofa_ros.supernet import Model, load_model

COMPILED, SUPERNET, STATIC = 'compiled', 'supernet', 'static'
WEIGHTS = 'weights'
"""The step that loads the supernet; the other steps have the names of their sub-networks."""


def measure(
    kind: str, model: str, subnets: Sequence[str], *, engine: str, threads: int, folder: Path
) -> dict[str, Any]:
    """Return the readings of a fresh process.

    ``base_bytes`` is the process before it loads any weights, ``steps`` the growth of the resident
    set and of the allocated memory in each step.

    Raises:
        ValueError: with the error output of the process, if it failed.
    """
    command = [sys.executable, __file__, kind, '--model', model, '--engine', engine]
    command += ['--threads', str(threads), '--folder', str(folder), '--subnets', *subnets]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f'memory of {kind}: {done.stderr.strip()[-500:]}')
    readings: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return readings


def save_static(model: Model, subnets: Sequence[str], folder: Path) -> None:
    """Extract sub-networks and write each to a file, with its own copy of the weights."""
    for kept in model.kept:
        if kept.subnet_id in subnets:
            static = model.net.extract_subnet(kept.config)
            for each in (*static.parameters(), *static.buffers()):
                each.data = each.data.clone()  # a view would be saved with its whole storage
            torch.save((static, kept.config.r), folder / f'{kept.subnet_id}.pt')


def evenly_spaced(model: Model, number: int) -> list[str]:
    """Return a number of float32 sub-networks, from the cheapest to the most expensive."""
    names = [each.subnet_id for each in model.kept if each.precision == 'float32']
    chosen = np.linspace(0, len(names) - 1, min(number, len(names))).round().astype(int)
    return [names[index] for index in chosen]


def reading() -> dict[str, int]:
    """Return the present memory of this process [bytes]."""
    gc.collect()
    with suppress(AttributeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)
    return {'resident_set_bytes': resident_set_bytes(), 'allocated_bytes': allocated_bytes()}


def steps_of(options: argparse.Namespace, held: list[object]) -> Iterator[str]:
    """Load networks one by one into ``held``; yield the name of each step."""
    if options.kind == STATIC:
        for subnet_id in options.subnets:
            static, r = torch.load(options.folder / f'{subnet_id}.pt', weights_only=False)  # nosec B614 # its own file
            held.append(static)
            _run(static, r)
            yield subnet_id
        return
    model = load_model(options.model)
    held.append(model)
    yield WEIGHTS
    if options.kind == SUPERNET:
        for kept in model.kept:
            if kept.subnet_id in options.subnets:
                blank = np.zeros((1, 3, kept.config.r, kept.config.r), np.float32)
                eager_runner(model.net, kept.config, 'cpu')(blank)
                yield kept.subnet_id
        return
    residents = ResidentSet(networks(model, default_cache()), create_engine(options.engine))
    held.append(residents)
    place = Place(residents.engine.processors[0], options.threads)
    for subnet_id in options.subnets:
        residents.load(subnet_id, place)
        yield subnet_id


@torch.inference_mode()
def _run(static: nn.Module, resolution: int) -> None:
    static(torch.zeros(1, 3, resolution, resolution))


def main() -> int:
    """Measure this process; print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('kind', choices=(COMPILED, SUPERNET, STATIC))
    parser.add_argument('--model', required=True)
    parser.add_argument('--engine', required=True)
    parser.add_argument('--threads', type=int, required=True)
    parser.add_argument('--folder', type=Path, required=True, help='of the static networks')
    parser.add_argument('--subnets', nargs='+', required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.kind == COMPILED:
        create_engine(options.engine)  # its library belongs to no sub-network
    _run(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval(), 32)  # nor does PyTorch's
    held: list[object] = []
    base = before = reading()
    steps = {}
    try:
        for name in steps_of(options, held):
            now = reading()
            steps[name] = {key: now[key] - before[key] for key in now}
            before = now
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({'base_bytes': base['resident_set_bytes'], 'steps': steps}))
    return 0


if __name__ == '__main__':
    sys.exit(main())
