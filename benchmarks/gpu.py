# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Inference time of one image on a GPU: torch engine with and without CUDA graphs, and eager.

The sub-networks of inference.py, batch 1, run alternately by the dynamic network in eager PyTorch
(float32, with TF32 where PyTorch uses it by default), by the extracted network in float16, and by
the same network as one CUDA graph, as the torch engine does. All take an array in host memory and
return one, so every figure includes copies and synchronisation.

The effect of float16 is measured on random images: how often the best class is that of float32
(TF32 off). Below 90 % the exit status is 1. Weights are random, and leave two classes closer
together than trained ones do. Without a GPU nothing is measured.

    python benchmarks/gpu.py --json gpu.json
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from goals import Goal
from goals import judge as judge_goals
from machine import run_benchmark
from networks import SUBNETS, eager_runner, images, ofa_networks
from torch import Tensor
from turns import alternate, alternation_parser

from dynofa_ros.engine import GPU, Network, Place, Runner
from dynofa_ros.engine.cuda_runner import CudaRunner
from dynofa_ros.engine.preprocess import Input
from dynofa_ros.engine.torch_engine import TorchEngine, relative_error
from dynofa_ros.supernet.supernet import Supernet

SPEEDUP = 3.0
"""The goal: CUDA graph against eager, geometric mean."""
AGREEMENT = 0.9
"""Least fraction of images whose best class float16 keeps."""
DEVICE = 'cuda'
EAGER, PLAIN, GRAPH = 'eager', 'float16', 'float16, CUDA graph'
BATCH = 32
"""Batch size of the float32 reference."""


@dataclass(frozen=True)
class Agreement:
    """Agreement of float16 with float32 on random images."""

    top1: float
    """Fraction of the images with the same best class."""
    classes: int
    """Number of different best classes; with few, agreement would mean little."""
    relative_error: float
    """Largest difference of logits, relative to the image's largest logit."""


@dataclass(frozen=True)
class Row:
    """One sub-network: median seconds by side, speed-up over eager, agreement."""

    subnet_id: str
    flops: int
    latency_s: Mapping[str, float]
    speedup: Mapping[str, float]
    agreement: Agreement


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON; return 1 if float16 changes too many classes."""
    return run_benchmark('gpu', measure, _options(arguments))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, print and return the figures, or the reason why there are none."""
    if not torch.cuda.is_available():
        reason = f'torch {torch.__version__} finds no CUDA GPU on this machine: nothing is measured'
        print(reason)
        return {'gpu': None, 'reason': reason, 'rows': [], 'goals': [], 'agreement': None}
    rows = measure_all(options)
    figures = {'gpu': gpu_facts(), 'reason': '', 'rows': [asdict(row) for row in rows]}
    return figures | judge(rows)


def gpu_facts() -> dict[str, Any]:
    """Return the GPU and the versions of its libraries."""
    major, minor = torch.cuda.get_device_capability()
    return {
        'name': torch.cuda.get_device_name(),
        'capability': f'{major}.{minor}',
        'cuda': torch.version.cuda,
        'cudnn': torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }


def measure_all(options: argparse.Namespace) -> list[Row]:
    """Measure every sub-network; print the table."""
    print(f'{torch.cuda.get_device_name()}, torch {torch.__version__}, batch 1, median ms')
    print(f'{"sub-network":<20}{"MFLOP":>7}{EAGER:>9}', end='')
    print(f'{PLAIN:>9}{"faster":>8}{"graph":>9}{"faster":>8}{"top-1 agrees":>14}{"classes":>9}')
    networks = ofa_networks(options.seed, SUBNETS[:2] if options.quick else SUBNETS)
    eager_net = on_device(networks[0].net, DEVICE)
    engine = TorchEngine()
    generator = torch.Generator().manual_seed(options.seed)
    rows = []
    for network in networks:
        made = images(options.images, network.kept.config.r, generator)
        runners = {
            EAGER: eager_runner(eager_net, network.kept.config, DEVICE),
            PLAIN: without_graph(network),
            GRAPH: engine.compile(network, Place(GPU, 1)),
        }
        latency_s = median_times(
            runners, made[:1].numpy(), rounds=options.rounds, block=options.block
        )
        reference = float32_logits(eager_net, network, made, DEVICE)
        row = Row(
            subnet_id=network.kept.subnet_id,
            flops=network.kept.flops,
            latency_s=latency_s,
            speedup={name: latency_s[EAGER] / latency_s[name] for name in (PLAIN, GRAPH)},
            agreement=agreement(runners[GRAPH], made.numpy(), reference),
        )
        rows.append(row)
        print(line(row), flush=True)
    return rows


def on_device(net: Supernet, device: str) -> Supernet:
    """Return a copy of a supernet, including its batch norm statistics, on another device."""
    moved = copy.deepcopy(net).to(device)
    moved.statistics = {
        config: {name: (mean.to(device), var.to(device)) for name, (mean, var) in stored.items()}
        for config, stored in net.statistics.items()
    }
    return moved


def without_graph(network: Network) -> Runner:
    """Return the engine's runner without CUDA graph."""
    return CudaRunner(network.static(), network.shape, graph=False)


def median_times(
    runners: Mapping[str, Runner], x: Input, *, rounds: int, block: int
) -> dict[str, float]:
    """Return the median seconds of each runner, timed alternately."""
    calls = {name: partial(runner, x) for name, runner in runners.items()}
    seconds = alternate(calls, rounds=rounds, block=block)
    return {name: statistics.median(each) for name, each in seconds.items()}


@torch.inference_mode()
def float32_logits(net: Supernet, network: Network, made: Tensor, device: str) -> Input:
    """Return the logits of (N, 3, r, r) images, (N, classes), in full float32."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        batches = [
            net(made[i : i + BATCH].to(device), network.kept.config).cpu()
            for i in range(0, len(made), BATCH)
        ]
    logits: Input = torch.cat(batches).numpy()
    return logits


def agreement(runner: Runner, made: Input, reference: Input) -> Agreement:
    """Compare a runner's logits of (N, 3, r, r) images with a reference, (N, classes)."""
    logits = np.stack([runner(made[i : i + 1]).copy() for i in range(len(made))])
    best, expected = logits.argmax(1), reference.argmax(1)
    same = (best == expected) & np.isfinite(logits).all(1)
    errors = [relative_error(*pair) for pair in zip(logits, reference, strict=True)]
    return Agreement(
        top1=float(same.mean()),
        classes=len(np.unique(expected)),
        relative_error=float(np.max(errors)),
    )


def line(row: Row) -> str:
    """Return a row of the table."""
    columns = ''.join(
        f'{row.latency_s[name] * 1e3:>9.2f}{row.speedup[name]:>7.1f}x' for name in (PLAIN, GRAPH)
    )
    return (
        f'{row.subnet_id:<20}{row.flops / 1e6:>7.0f}{row.latency_s[EAGER] * 1e3:>9.2f}{columns}'
        f'{row.agreement.top1:>14.1%}{row.agreement.classes:>9}'
    )


def judge(rows: Sequence[Row]) -> dict[str, Any]:
    """Print and return the goal and the agreement, as the JSON holds them."""
    speedup = statistics.geometric_mean(row.speedup[GRAPH] for row in rows)
    goal = Goal('times faster, geometric mean', speedup, SPEEDUP)
    top1 = min(row.agreement.top1 for row in rows)
    goals = judge_goals([goal])
    print(f'least top-1 agreement with float32: {top1:.1%}; expected at least {AGREEMENT:.0%}')
    return {
        'goals': goals,
        'agreement': {'top1': top1, 'allowed': AGREEMENT, 'met': top1 >= AGREEMENT},
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = alternation_parser(__doc__, rounds=30, images=500)
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds = options.block = 1
        options.images = min(options.images, BATCH)
    return options


if __name__ == '__main__':
    sys.exit(main())
