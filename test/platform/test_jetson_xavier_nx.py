# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Errors of the shipped Jetson Xavier NX with respect to published measurements."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dynofa_ros.platform import Platform, load_platform

INCEPTION_V3_FLOPS = 11.43e9  # 2 x 5.713e9 multiply-adds at 299x299
MAX_HZ, MID_HZ = 1109250000.0, 803250000.0

# Dynamic-OFA on the CPU, read off its figure (+-2 %): top-1 [%] and latency [s].
CPU_POINTS = (
    (72.5, 0.50),
    (76.3, 0.68),
    (77.1, 0.88),
    (77.4, 1.17),
    (78.1, 1.56),
    (78.4, 1.64),
    (78.5, 1.86),
)


@dataclass(frozen=True)
class Published:
    """One sub-network, measured on the GPU at 1109 MHz."""

    flops: int
    layers: int
    top1: float
    latency_s: float


@pytest.fixture(scope='module')
def jetson() -> Platform:
    return load_platform('jetson_xavier_nx')


@pytest.fixture(scope='module')
def networks(shared_data: Path) -> list[Published]:
    lines = (shared_data / 'ofa_imagenet' / 'dynamic_ofa_xavier_nx_gpu.jsonl').read_text()
    rows = [json.loads(line) for line in lines.splitlines()]
    return [
        Published(*ofa_mbv3_w12_cost(row), top1=row['top1'], latency_s=row['latency_s'])
        for row in rows
    ]


def make_divisible(channels: float) -> int:
    """Round to a multiple of 8, not down by more than 10 % (MobileNetV2, arXiv 1801.04381)."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def ofa_mbv3_w12_cost(config: dict[str, list[int]]) -> tuple[int, int]:
    """Return FLOPs and layers of a sub-network of ofa_mbv3_d234_e346_k357_w1.2."""
    stem, first, *stages = (make_divisible(1.2 * base) for base in (16, 16, 24, 40, 80, 112, 160))
    size = config['r'] // 2
    layers = [stem * 27 * size**2, stem * 9 * size**2, stem * first * size**2]
    inputs = first
    strides, squeezed = (2, 2, 2, 1, 2), (False, True, False, True, True)
    for stage, outputs in enumerate(stages):
        for block in range(4 * stage, 4 * stage + config['d'][stage]):
            middle = make_divisible(inputs * config['e'][block])
            layers.append(inputs * middle * size**2)
            if block == 4 * stage:
                size = -(-size // strides[stage])
            layers.append(middle * config['ks'][block] ** 2 * size**2)
            if squeezed[stage]:
                layers += [middle * make_divisible(middle // 4)] * 2
            layers.append(middle * outputs * size**2)
            inputs = outputs
    final, mixed = make_divisible(1.2 * 960), make_divisible(1.2 * 1280)
    layers += [inputs * final * size**2, final * mixed, mixed * 1000]
    return 2 * sum(layers), len(layers)


def gpu_latency_s(jetson: Platform, network: Published, frequency_hz: float = MAX_HZ) -> float:
    return jetson.latency_s(
        processor='gpu', frequency_hz=frequency_hz, flops=network.flops, layers=network.layers
    )


def relative_errors(modelled: Sequence[float], published: Sequence[float]) -> np.ndarray:
    return np.abs(np.divide(modelled, published) - 1)


def test_gpu_latencies_of_13_sub_networks(jetson: Platform, networks: list[Published]) -> None:
    assert len(networks) == 13
    errors = relative_errors(
        [gpu_latency_s(jetson, network) for network in networks],
        [network.latency_s for network in networks],
    )
    assert np.median(errors) < 0.08
    assert errors.max() < 0.16


def test_gpu_latency_grows_with_depth_as_measured(
    jetson: Platform, networks: list[Published]
) -> None:
    smallest = min(networks, key=lambda network: network.layers)
    largest = max(networks, key=lambda network: network.layers)
    modelled = gpu_latency_s(jetson, largest) / gpu_latency_s(jetson, smallest)
    published = largest.latency_s / smallest.latency_s
    assert modelled == pytest.approx(published, rel=0.2)


def test_gpu_latency_at_803_mhz_is_49_over_43_of_that_at_1109_mhz(
    jetson: Platform, networks: list[Published]
) -> None:
    for network in networks:
        at_803_s = gpu_latency_s(jetson, network, MID_HZ)
        assert at_803_s / gpu_latency_s(jetson, network) == pytest.approx(49 / 43, rel=0.03)


def loudva(shared_data: Path, frequency_hz: float) -> dict[int, tuple[float, float]]:
    """Return mean power [W] and latency [s] by concurrency."""
    folder = shared_data / 'jetson_loudva' / 'xavier-nx-00' / 'energy' / 'freqs'
    with (folder / f'energy_calculated_freq_{frequency_hz:.0f}.csv').open() as file:
        rows = list(csv.reader(file))[1:]
    return {int(row[0]): (float(row[1]), float(row[2])) for row in rows}


def test_gpu_arithmetic_scales_with_frequency_as_in_loudva(
    jetson: Platform, shared_data: Path
) -> None:
    frequencies_hz = jetson.domains['gpu'].frequencies_hz
    measured_s = [loudva(shared_data, f)[1][1] for f in frequencies_hz]
    arithmetic_s = np.array(
        [
            INCEPTION_V3_FLOPS / (jetson.processors['gpu'].latency.flop_per_cycle * f)
            for f in frequencies_hz
        ]
    )
    # The server adds a constant time to that of the network.
    constant_s = np.mean(measured_s - arithmetic_s)
    assert relative_errors(arithmetic_s + constant_s, measured_s).max() < 0.05


def test_gpu_power_is_the_table_of_loudva(jetson: Platform, shared_data: Path) -> None:
    table = jetson.processors['gpu'].busy_power
    lowest, *others = zip(table.frequencies_hz, table.power_w, strict=True)
    # The mean at the lowest frequency is an outlier, far below those of concurrency 2 to 4.
    concurrent_w = [loudva(shared_data, lowest[0])[concurrency][0] for concurrency in (2, 3, 4)]
    assert lowest[1] == pytest.approx(np.median(concurrent_w), rel=1e-3)
    for frequency_hz, power_w in others:
        assert power_w == pytest.approx(loudva(shared_data, frequency_hz)[1][0], rel=1e-3)


def test_idle_power_is_below_the_lowest_power_that_loudva_measured(
    jetson: Platform, shared_data: Path
) -> None:
    lowest_w = min(
        power_w
        for frequency_hz in jetson.domains['gpu'].frequencies_hz
        for power_w, _ in loudva(shared_data, frequency_hz).values()
    )
    assert jetson.idle_power_w < lowest_w


def test_cpu_latencies_of_the_paper(jetson: Platform, networks: list[Published]) -> None:
    """The configurations are not published: FLOPs are those of a GPU sub-network as accurate."""
    pareto = sorted(networks, key=lambda network: network.flops)
    pareto = [n for i, n in enumerate(pareto) if all(n.top1 > each.top1 for each in pareto[:i])]
    top1s = [network.top1 for network in pareto]
    # 72.5 % is below all GPU sub-networks.
    points = [point for point in CPU_POINTS if point[0] > top1s[0]]
    assert len(points) == 6
    log_flops = np.log([network.flops for network in pareto])
    flops = np.exp(np.interp([top1 for top1, _ in points], top1s, log_flops))
    modelled = [
        jetson.latency_s(
            processor='cpu', frequency_hz=1420800000.0, flops=int(each), layers=70, threads=6
        )
        for each in flops
    ]
    errors = relative_errors(modelled, [latency_s for _, latency_s in points])
    assert np.median(errors) < 0.16
    assert errors.max() < 0.25


def test_nvpmodel_frequencies_are_steps_of_the_cpu(jetson: Platform) -> None:
    assert {1190400000.0, 1420800000.0, 1497600000.0, 1907200000.0} <= set(
        jetson.domains['cpu'].frequencies_hz
    )


@pytest.mark.parametrize('slowdown', [49 / 43, 69 / 49])
def test_published_slowdowns_are_possible_with_one_co_runner(
    jetson: Platform, slowdown: float
) -> None:
    always_busy = jetson.slowdown(processor='gpu', co_runner_utilisation=1.0)
    assert 1.0 < slowdown < always_busy


def test_the_latency_of_a_small_network_depends_on_the_gpu_frequency(jetson: Platform) -> None:
    slow_s, fast_s = (
        jetson.latency_s(processor='gpu', frequency_hz=f, flops=30_000_000, layers=48)
        for f in (jetson.domains['gpu'].frequencies_hz[0], MAX_HZ)
    )
    assert slow_s > 3 * fast_s


def test_the_most_efficient_gpu_frequency_is_neither_the_lowest_nor_the_highest(
    jetson: Platform,
) -> None:
    frequencies_hz = jetson.domains['gpu'].frequencies_hz
    energies_j = [
        jetson.energy_j(
            processor='gpu',
            frequency_hz=f,
            latency_s=jetson.latency_s(
                processor='gpu', frequency_hz=f, flops=30_000_000, layers=48
            ),
        )
        for f in frequencies_hz
    ]
    assert 0 < int(np.argmin(energies_j)) < len(frequencies_hz) - 1
