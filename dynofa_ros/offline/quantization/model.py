# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Quantise the sub-networks of a model, and measure each against its float32 version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dynofa_ros.engine import CPU, Engine, Network, Place, ResidentSet, measure
from dynofa_ros.offline.console import Report, reporting
from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.offline.quantization.card import Row
from dynofa_ros.offline.quantization.nncf import compare, quantize_subnet
from dynofa_ros.supernet.quantized import QuantizedSubnet, quantized_subnet


def quantize_all(float32: Sequence[Network], calibration: Dataset, folder: Path) -> list[Network]:
    """Quantise each network, write its ONNX file into a new folder; return the int8 networks.

    Raises:
        ValueError: if NNCF cannot quantise one.
        OSError: if a file cannot be written.
    """
    folder.mkdir()
    int8 = []
    with reporting('sub-networks quantised', len(float32)) as report:
        for done, each in enumerate(float32):
            report(done, each.kept.subnet_id)
            file = folder / f'{each.kept.subnet_id}.onnx'
            quantize_subnet(each.net, each.kept.config, each.onnx(), calibration, file)
            # The accuracy of float32 is a placeholder; nothing reads it before the measurement.
            kept = quantized_subnet(each.kept, each.kept.accuracy)
            int8.append(replace(each, kept=kept, int8=file))
        report(len(float32))
    return int8


def measure_pairs(
    float32: Sequence[Network],
    int8: Sequence[Network],
    engine: Engine,
    test: Dataset,
    *,
    rounds: int,
    threads: int,
) -> list[Row]:
    """Run each pair on the test images, then time all interleaved, on the CPU.

    Raises:
        EngineError: if the engine cannot run one.
        ValueError: naming an image that cannot be decoded.
    """
    residents = ResidentSet((*float32, *int8), engine)
    place = Place(CPU, threads)
    pairs = [
        [residents.load(network.kept.subnet_id, place) for network in pair]
        for pair in zip(float32, int8, strict=True)
    ]
    comparisons = []
    with reporting('images', len(pairs) * len(test)) as report:
        for number, (a, b) in enumerate(pairs):
            progress = partial(_report, report, number * len(test), a.kept.subnet_id)
            comparison = compare(a.run, b.run, a.preprocess, test, test.classes, report=progress)
            comparisons.append(comparison)
    with reporting('rounds timed', rounds) as report:
        subnets = [each for pair in pairs for each in pair]
        measurements = measure(subnets, rounds=rounds, progress=report)
    return [
        Row(
            kept=a.kept,
            comparison=comparison,
            float32=measurements[2 * index],
            int8=measurements[2 * index + 1],
            float32_bytes=len(float32[index].onnx()),
            int8_bytes=len(int8[index].onnx()),
        )
        for index, ((a, _), comparison) in enumerate(zip(pairs, comparisons, strict=True))
    ]


def _report(report: Report, before: int, text: str, done: int) -> None:
    report(before + done, text)


def index_entries(
    rows: Sequence[Row], int8: Sequence[Network], settings: dict[str, Any]
) -> list[QuantizedSubnet]:
    """Return the entries of ``int8.yaml``."""
    return [
        QuantizedSubnet(
            subnet_id=network.kept.subnet_id,
            accuracy=row.comparison.int8_top1,
            test_images=row.comparison.images,
            engine=settings['engine'],
            engine_version=settings['engine_version'],
            calibration_images=settings['calibration_images'],
            seed=settings['seed'],
            sha256=hashlib.sha256(network.onnx()).hexdigest(),
            float_network=network.fingerprint,
        )
        for row, network in zip(rows, int8, strict=True)
    ]
