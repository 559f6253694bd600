# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Sections of docs/performance.md, one for each benchmark."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]
Cell = Callable[[Figures], str]


def column(*path: str, scale: float = 1, form: str = '{}') -> Cell:
    """Return a function that formats the figure at a path of keys; unknown figures are dashes."""

    def cell(row: Figures) -> str:
        value: Any = functools.reduce(operator.getitem, path, row)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return '-'
        return form.format(value if scale == 1 else value * scale)

    return cell


code = functools.partial(column, form='`{}`')
milliseconds = functools.partial(column, scale=1e3, form='{:.2f}')
number = functools.partial(column, form='{:.3g}')
MFLOP = column('flops', scale=1e-6, form='{:.0f}')


def table_of(rows: Iterable[Figures], columns: Mapping[str, Cell]) -> str:
    """Return a Markdown table with a row for each of `rows`; `columns` are by heading."""
    return table(list(columns), [[cell(row) for cell in columns.values()] for row in rows])


def table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [heading, ['---'] * len(heading), *rows]
    return '\n'.join(f'| {" | ".join(str(cell) for cell in line)} |' for line in lines)


def inference(figures: Figures) -> list[str]:
    """Return engines against the dynamic eager network, and well-known networks."""
    engines = list(figures['rows'][0]['engine_s'])
    product = figures['matrix_product']
    shares = ', '.join(f'{name} {share:.0%}' for name, share in product['share'].items())
    columns = {
        'network': column('network'),
        'MFLOP': MFLOP,
        'dynamic eager, ms': milliseconds('eager_s'),
        'threads': column('eager_threads'),
        **{f'{engine}, ms': milliseconds('engine_s', engine) for engine in engines},
        f'{engines[0]}, times faster': number('speedup', engines[0]),
    }
    return [
        '## Inference',
        f'OFA-MobileNetV3 w1.0, batch 1, threads: {figures["settings"]["threads"]}. Engine: '
        f'{figures["engine"]}, {figures["reason"]}. Weights are {figures["weights"]}. Logits of '
        'every engine agree with the dynamic network to within '
        f'{figures["agreement"]["relative_error"]:.0e} of the largest.',
        table_of([*figures['rows'], *figures['well_known']], columns),
        f'A float32 matrix product of {product["side"]} x {product["side"]} ran at '
        f'{product["flops_per_s"] / 1e9:.0f} GFLOP/s, alternately with `{product["network"]}`. '
        f'Rate of the engines relative to it: {shares}.',
        figures['missing'],
    ]


def switching(figures: Figures) -> list[str]:
    """Return the cost of a switch, and memory."""
    took = figures['switch_s']
    lost = figures['losses']
    columns = {
        'sub-network': code('subnet_id'),
        'switches': column('first_frames'),
        'first frame, ms': milliseconds('first_inference_s'),
        'others, ms': milliseconds('other_inference_s'),
        'ratio': number('inference_ratio'),
        'all work': number('work_ratio'),
    }
    return [
        '## Switching',
        f'{figures["commanded"]} random switches of the perception node under a camera of '
        f'{figures["settings"]["rate"]:g} Hz, {figures["engine"]}, threads: {figures["threads"]}. '
        f'A switch took {took["p50"] * 1e6:.0f} us (p99 {took["p99"] * 1e6:.0f} us, longest '
        f'{took["max"] * 1e6:.0f} us). Of {lost["sent"]} frames the node dropped '
        f'{lost["dropped"]} and refused {lost["refused"]}; {lost["never_arrived"]} never arrived.',
        table_of(figures['subnets'], columns),
        memory(figures['memory']),
    ]


def memory(kinds: Mapping[str, Any]) -> str:
    """Return the memory of each way of keeping sub-networks."""
    rows = []
    for kind, readings in kinds.items():
        grown = {name: each['resident_set_bytes'] for name, each in readings['steps'].items()}
        weights = grown.pop('weights', 0)
        each = sum(grown.values()) / len(grown)
        total = weights + sum(grown.values())
        rows.append((kind, len(grown), *(f'{b / 1e6:.1f}' for b in (weights, each, total))))
    heading = ('kept as', 'networks', 'weights, MB', 'each, MB', 'all, MB')
    return 'Growth of a process (resident set size):\n\n' + table(heading, rows)


def node_overhead(figures: Figures) -> list[str]:
    """Return the time that the node adds to a frame."""
    rows = [
        each | {'lost': each['losses']['dropped'] + each['losses']['refused']}
        for each in figures['rows']
    ]
    columns = {
        'images': column('images'),
        'added p50, ms': milliseconds('added_s', 'p50'),
        'added p95, ms': milliseconds('added_s', 'p95'),
        **{
            f'{part.removesuffix("_s")}, ms': milliseconds('split_s', part, 'p50')
            for part in rows[0]['split_s']
        },
        'lost': column('lost'),
    }
    return [
        '## Overhead of the node',
        'Time from the stamp of an image until its report is published, without the inference, '
        'minus that of a bare subscriber that only receives the message. Camera in another '
        f'process, {figures["settings"]["rate"]:g} Hz, `{figures["subnet_id"]}` on '
        f'{figures["engine"]}.',
        table_of(rows, columns),
    ]


def int8(figures: Figures) -> list[str]:
    """Return speed, size and accuracy of int8."""
    columns = {
        'sub-network': code('subnet_id'),
        'MFLOP': column('flops', scale=1e-6, form='{:.1f}'),
        'float32 top-1': column('float32_top1', form='{:.2%}'),
        'int8 top-1': column('int8_top1', form='{:.2%}'),
        'top-1 agrees': column('agreement', form='{:.1%}'),
        'float32, ms': milliseconds('float32_latency_s'),
        'int8, ms': milliseconds('int8_latency_s'),
        'times faster': number('speedup'),
        'float32, MB': column('float32_bytes', scale=1e-6, form='{:.2f}'),
        'int8, MB': column('int8_bytes', scale=1e-6, form='{:.2f}'),
    }
    return [
        '## int8',
        f'`{figures["model"]}` through {figures["engine"]} {figures["engine_version"]}, threads: '
        f'{figures["threads"]}; calibrated on {figures["calibration_images"]} images, accuracy on '
        f'{figures["test_images"]} test images.',
        table_of(figures['subnets'], columns),
    ]


def supernet(figures: Figures) -> list[str]:
    """Return the time to switch and extract in PyTorch, for the largest of each supernet."""
    largest = {each['supernet']: each for each in figures['rows']}
    columns = {
        'largest of': code('supernet'),
        'M parameters': column('parameters', scale=1e-6, form='{:.2f}'),
        'switch, us': column('switch_s', scale=1e6, form='{:.0f}'),
        'extract, ms': column('extract_s', scale=1e3, form='{:.1f}'),
        'one image, ms': column('image_s', scale=1e3, form='{:.1f}'),
    }
    return ['## Supernets in PyTorch, one thread', table_of(largest.values(), columns)]


def gpu(figures: Figures) -> list[str]:
    """Return CUDA against the eager dynamic network."""
    if not figures['rows']:
        return ['## GPU', f'Not measured: {figures["reason"]}.']
    sides = figures['rows'][0]['latency_s']
    columns = {
        'sub-network': column('subnet_id'),
        'MFLOP': MFLOP,
        **{f'{side}, ms': milliseconds('latency_s', side) for side in sides},
    }
    return ['## GPU', f'{figures["gpu"]["name"]}, batch 1.', table_of(figures['rows'], columns)]


def decision(figures: Figures) -> list[str]:
    """Return the time of a decision."""
    columns = {
        'applications x points': lambda row: f'{row["applications"]} x {row["points"]:,}',
        'power cap': column('power_cap_w', form='{:g} W'),
        'p50, ms': milliseconds('p50_s'),
        'p99, ms': milliseconds('p99_s'),
        'longest, ms': milliseconds('longest_s'),
        'exact': column('exact', scale=100, form='{:.0f} %'),
    }
    return [
        '## A decision of the resource manager',
        f'`decide` alone, one thread, {figures["settings"]["decisions"]} decisions per case, with '
        'changing estimates and targets.',
        table_of(figures['rows'], columns),
    ]


def monitoring(figures: Figures) -> list[str]:
    """Return the cost of monitoring a machine."""
    columns = {
        'machine': code('board'),
        'sampling': column('with', scale=100, form='{:.2f} %'),
        'hardly sampling': column('without', scale=100, form='{:.2f} %'),
        'difference': column('sampling', scale=100, form='{:.2f} %'),
    }
    return [
        '## Monitoring a machine',
        'CPU time of the platform node as a fraction of one core, with power sampled at '
        f'{figures["rate_hz"]:g} Hz and, alternately, hardly ever; it publishes `platform_state` '
        'at 10 Hz. The machines are folders of files in the layout of the boards: time of sensor '
        'drivers and buses is not included.',
        table_of(figures['rows'], columns),
    ]


def manager_cost(figures: Figures) -> list[str]:
    """Return the cost of managing."""
    columns = {
        'version': column('version'),
        'case': column('case'),
        'median': column('share', scale=100, form='{:.2f} %'),
    }
    return [
        '## Managing',
        'CPU time of the resource-manager node as a fraction of one core, beside the platform node '
        f'with a simulated {figures["platform"]}, which publishes `platform_state` and `battery` '
        'at 10 Hz.',
        table_of(figures['rows'], columns),
    ]


SECTIONS: dict[str, Callable[[Figures], list[str]]] = {
    each.__name__: each
    for each in (
        inference,
        switching,
        node_overhead,
        int8,
        supernet,
        decision,
        monitoring,
        manager_cost,
        gpu,
    )
}
