# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Comparison of int8 with float32 sub-networks: figures, table cells and model card section."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynofa_ros.engine.measure import Measurement
from dynofa_ros.offline.quantization.nncf import Comparison
from dynofa_ros.offline.training.model_card import write_model_card
from dynofa_ros.supernet.subnet_record import SubnetRecord

HEADING = '## Int8 sub-networks'


@dataclass(frozen=True)
class Row:
    """Measurements of a float32 sub-network and its int8 version."""

    kept: SubnetRecord  # float32
    comparison: Comparison
    float32: Measurement
    int8: Measurement
    float32_bytes: int  # size of the ONNX file
    int8_bytes: int

    @property
    def speedup(self) -> float:
        """Latency of float32 over latency of int8."""
        return self.float32.latency_s / self.int8.latency_s

    @property
    def difference(self) -> float:
        """Top-1 of int8 minus top-1 of float32."""
        return self.comparison.int8_top1 - self.comparison.float32_top1

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for a JSON file."""
        return {
            'subnet_id': self.int8.subnet_id,
            'of': self.kept.subnet_id,
            'flops': self.kept.flops,
            'float32_top1': self.comparison.float32_top1,
            'int8_top1': self.comparison.int8_top1,
            'difference': self.difference,
            'agreement': self.comparison.agreement,
            'images': self.comparison.images,
            'float32_latency_s': self.float32.latency_s,
            'float32_latency_p95_s': self.float32.latency_p95_s,
            'int8_latency_s': self.int8.latency_s,
            'int8_latency_p95_s': self.int8.latency_p95_s,
            'speedup': self.speedup,
            'float32_bytes': self.float32_bytes,
            'int8_bytes': self.int8_bytes,
        }

    def cells(self) -> tuple[str, ...]:
        """Return the text of each column."""
        return tuple(text(self) for text in COLUMNS.values())


COLUMNS: dict[str, Callable[[Row], str]] = {
    'sub-network': lambda row: row.kept.subnet_id,
    'MFLOP': lambda row: f'{row.kept.flops / 1e6:.1f}',
    'float32 top-1': lambda row: f'{row.comparison.float32_top1:.2%}',
    'int8 top-1': lambda row: f'{row.comparison.int8_top1:.2%}',
    'difference [points]': lambda row: f'{100 * row.difference:+.2f}',
    'same class': lambda row: f'{row.comparison.agreement:.2%}',
    'float32 [ms]': lambda row: f'{row.float32.latency_s * 1e3:.2f}',
    'int8 [ms]': lambda row: f'{row.int8.latency_s * 1e3:.2f}',
    'faster': lambda row: f'{row.speedup:.2f}x',
    'float32 [MB]': lambda row: f'{row.float32_bytes / 1e6:.2f}',
    'int8 [MB]': lambda row: f'{row.int8_bytes / 1e6:.2f}',
}
"""Heading and text of each column of the table."""


def card_section(rows: Sequence[Row], settings: dict[str, Any]) -> str:
    """Return the section of the model card in Markdown."""
    lines = [tuple(COLUMNS), ('---',) * len(COLUMNS)]
    lines += [(f'`{cells[0]}`', *cells[1:]) for cells in (row.cells() for row in rows)]
    table = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
    return f"""{HEADING}

Quantised from the float32 sub-networks without training (post-training quantisation with NNCF
{settings['nncf_version']}, ranges measured on {settings['calibration_images']} training images).
NNCF leaves some layers, such as squeeze-and-excite, in float32. Each is a sub-network of its own,
named after its float32 one with the suffix `-int8`; its accuracy is in `int8/int8.yaml`. OpenVINO
and ONNX Runtime run them, PyTorch does not.

{table}

Both sub-networks of a row ran in {settings['engine']} {settings['engine_version']} on the same
{settings['test_images']} test images, preprocessed as in the perception node; "same class" is the
fraction of images for which both predict the same class, right or wrong. Latencies are medians of
{settings['rounds']} interleaved runs on one image, threads: {settings['threads']}, on
{settings['cpu']}. MB is the size of the ONNX file. On another engine or machine int8 may be slower
than float32.
"""


def add_to_card(folder: Path, name: str, section: str) -> None:
    """Append the section to a model's card, replacing an earlier one."""
    file = folder / 'README.md'
    text = file.read_text() if file.is_file() else f'# {name}\n'
    text = re.sub(rf'^{re.escape(HEADING)}$.*?(?=^## |\Z)', '', text, flags=re.M | re.S)
    write_model_card(folder, f'{text.rstrip()}\n\n{section}')
