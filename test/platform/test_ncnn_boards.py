# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The shipped boards whose latency is fitted to the published benchmark of ncnn."""

from __future__ import annotations

import math
import statistics

import pytest
import yaml

from dynofa_ros.offline.calibration.latency_fit import Timing, fit_latency
from dynofa_ros.platform import Platform, load_platform
from dynofa_ros.share import share_path

MULTIPLY_ADDS = {
    'squeezenet': 0.35e9,
    'mobilenet': 0.569e9,
    'mobilenet_v2': 0.3e9,
    'resnet18': 1.8e9,
    'resnet50': 3.8e9,
}
"""From the papers of the networks, as are `LAYERS`."""
LAYERS = {'squeezenet': 26, 'mobilenet': 28, 'mobilenet_v2': 53, 'resnet18': 21, 'resnet50': 54}
PUBLISHED_MS = {
    ('raspberry_pi_5', 'cpu'): {
        1: (11.77, 20.24, 16.21, 29.54, 89.04),
        4: (6.74, 9.00, 10.46, 19.84, 45.94),
    },
    ('generic_x86', 'cpu'): {
        1: (54.43, 105.92, 62.44, 160.94, 497.54),
        4: (18.06, 32.22, 22.54, 53.91, 152.66),
    },
    ('jetson_orin_nano', 'cpu'): {
        1: (15.94, 28.77, 19.32, 48.49, 138.19),
        6: (5.07, 6.96, 5.86, 12.26, 38.69),
    },
    ('jetson_orin_nano', 'gpu'): {1: (5.05, 2.97, 3.61, 4.67, 9.14)},
}
"""Shortest of several runs, by number of threads: github Tencent/ncnn, benchmark/README.md."""
BOARDS = sorted({board for board, _ in PUBLISHED_MS})


@pytest.fixture(scope='module', params=BOARDS)
def board(request: pytest.FixtureRequest) -> Platform:
    return load_platform(request.param)


@pytest.mark.parametrize(
    ('name', 'processor', 'median', 'largest'),
    [
        ('raspberry_pi_5', 'cpu', 0.09, 0.26),
        ('generic_x86', 'cpu', 0.15, 0.34),
        ('jetson_orin_nano', 'cpu', 0.17, 0.31),
        ('jetson_orin_nano', 'gpu', 0.11, 0.53),
    ],
)
def test_the_latency_model_is_the_fit_of_the_published_latencies(
    name: str, processor: str, median: float, largest: float
) -> None:
    platform = load_platform(name)
    highest_hz = platform.domains[processor].frequencies_hz[-1]
    fitted = fit_latency(
        [
            Timing(
                subnet_id=network,
                flops=int(2 * MULTIPLY_ADDS[network]),
                layers=LAYERS[network],
                threads=threads,
                frequency_hz=highest_hz,
                latency_s=latency_ms * 1e-3,
                spread_s=0.0,
                frames=1,
            )
            for threads, row in PUBLISHED_MS[name, processor].items()
            for network, latency_ms in zip(LAYERS, row, strict=True)
        ]
    )
    assert platform.processors[processor].latency == fitted.model
    errors = [abs(each) for each in fitted.errors]
    assert statistics.median(errors) < median
    assert max(errors) < largest
    assert all(math.isnan(each) for each in fitted.left_out_errors)  # one frequency


def test_every_source_is_used_and_assumed_powers_have_a_note(board: Platform) -> None:
    content = yaml.safe_load(share_path(f'config/platforms/{board.name}.yaml').read_text())
    for text in content['sources'].values():
        assert text in board.sources.values()
    for path in ('idle_power_w', 'processors.cpu.busy_power.power_w'):
        *parents, last = path.split('.')
        inner = content
        for parent in parents:
            inner = inner[parent]
        assert inner[last]['source'] != 'assumed' or inner[last]['note']


def test_only_a_jetson_has_a_gpu_that_runs_networks() -> None:
    assert set(load_platform('jetson_orin_nano').processors) == {'cpu', 'gpu'}
    for name in ('raspberry_pi_5', 'generic_x86'):
        platform = load_platform(name)
        assert set(platform.processors) == {'cpu'}
        assert platform.battery is None
