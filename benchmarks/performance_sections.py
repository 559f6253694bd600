"""Sections of docs/performance.md, one for each benchmark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]


def verdict(met: bool) -> str:
    """Return whether a goal is met; a missed one is bold."""
    return 'met' if met else '**missed**'


def inference(figures: Figures) -> list[str]:
    """Return engines against the dynamic eager network, and well-known networks."""
    engines = list(figures['rows'][0]['engine_s'])
    heading = ['network', 'MFLOP', 'dynamic eager, ms', 'threads']
    heading += [f'{engine}, ms' for engine in engines] + [f'{engines[0]}, times faster']
    rows = [
        (
            each['network'],
            f'{each["flops"] / 1e6:.0f}',
            milliseconds(each['eager_s']),
            each['eager_threads'],
            *(milliseconds(each['engine_s'][engine]) for engine in engines),
            number(each['speedup'][engines[0]]),
        )
        for each in (*figures['rows'], *figures['well_known'])
    ]
    product = figures['matrix_product']
    shares = ', '.join(f'{name} {share:.0%}' for name, share in product['share'].items())
    return [
        '## Inference',
        f'OFA-MobileNetV3 w1.0, batch 1, threads: {figures["settings"]["threads"]}. Engine: '
        f'{figures["engine"]}, {figures["reason"]}. Weights are {figures["weights"]}. Logits of '
        'every engine agree with the dynamic network to within '
        f'{figures["agreement"]["relative_error"]:.0e} of the largest.',
        table(heading, rows),
        f'A float32 matrix product of {product["side"]} x {product["side"]} ran at '
        f'{product["flops_per_s"] / 1e9:.0f} GFLOP/s, alternately with `{product["network"]}`. '
        f'Rate of the engines relative to it: {shares}.',
        figures['missing'],
    ]


def switching(figures: Figures) -> list[str]:
    """Return the cost of a switch, and memory."""
    took = figures['switch_s']
    lost = figures['losses']
    rows = [
        (
            f'`{each["subnet_id"]}`',
            f'{each["first_frames"]}',
            milliseconds(each['first_inference_s']),
            milliseconds(each['other_inference_s']),
            number(each['inference_ratio']),
            number(each['work_ratio']),
        )
        for each in figures['subnets']
    ]
    heading = ('sub-network', 'switches', 'first frame, ms', 'others, ms', 'ratio', 'all work')
    return [
        '## Switching',
        f'{figures["commanded"]} random switches of the perception node under a camera of '
        f'{figures["settings"]["rate"]:g} Hz, {figures["engine"]}, threads: {figures["threads"]}. '
        f'A switch took {took["p50"] * 1e6:.0f} us (p99 {took["p99"] * 1e6:.0f} us, longest '
        f'{took["max"] * 1e6:.0f} us). Of {lost["sent"]} frames the node dropped '
        f'{lost["dropped"]} and refused {lost["refused"]}; {lost["never_arrived"]} never arrived.',
        table(heading, rows),
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
    parts = list(figures['rows'][0]['split_s'])
    rows = [
        (
            each['images'],
            *(milliseconds(each['added_s'][name]) for name in ('p50', 'p95')),
            *(milliseconds(each['split_s'][part]['p50']) for part in parts),
            each['losses']['dropped'] + each['losses']['refused'],
        )
        for each in figures['rows']
    ]
    heading = ['images', 'added p50, ms', 'added p95, ms']
    heading += [f'{part.removesuffix("_s")}, ms' for part in parts] + ['lost']
    return [
        '## Overhead of the node',
        'Time from the stamp of an image until its report is published, without the inference, '
        'minus that of a bare subscriber that only receives the message. Camera in another '
        f'process, {figures["settings"]["rate"]:g} Hz, '
        f'`{figures["subnet_id"]}` on {figures["engine"]}.',
        table(heading, rows),
    ]


def int8(figures: Figures) -> list[str]:
    """Return speed, size and accuracy of int8."""
    rows = [
        (
            f'`{each["subnet_id"]}`',
            f'{each["flops"] / 1e6:.1f}',
            *(f'{each[f"{kind}_top1"]:.2%}' for kind in ('float32', 'int8')),
            f'{each["agreement"]:.1%}',
            *(milliseconds(each[f'{kind}_latency_s']) for kind in ('float32', 'int8')),
            number(each['speedup']),
            *(f'{each[f"{kind}_bytes"] / 1e6:.2f}' for kind in ('float32', 'int8')),
        )
        for each in figures['subnets']
    ]
    heading = ['sub-network', 'MFLOP', 'float32 top-1', 'int8 top-1', 'top-1 agrees', 'float32, ms']
    heading += ['int8, ms', 'times faster', 'float32, MB', 'int8, MB']
    return [
        '## int8',
        f'`{figures["model"]}` through {figures["engine"]} {figures["engine_version"]}, threads: '
        f'{figures["threads"]}; calibrated on {figures["calibration_images"]} images, accuracy on '
        f'{figures["test_images"]} test images.',
        table(heading, rows),
    ]


def supernet(figures: Figures) -> list[str]:
    """Return the time to switch and extract in PyTorch, for the largest of each supernet."""
    largest = {each['supernet']: each for each in figures['rows']}
    rows = [
        (
            f'`{name}`',
            f'{each["parameters"] / 1e6:.2f}',
            f'{each["switch_s"] * 1e6:.0f}',
            f'{each["extract_s"] * 1e3:.1f}',
            f'{each["image_s"] * 1e3:.1f}',
        )
        for name, each in largest.items()
    ]
    heading = ('largest of', 'M parameters', 'switch, us', 'extract, ms', 'one image, ms')
    return ['## Supernets in PyTorch, one thread', table(heading, rows)]


def gpu(figures: Figures) -> list[str]:
    """Return CUDA against the eager dynamic network."""
    if not figures['rows']:
        return ['## GPU', f'Not measured: {figures["reason"]}.']
    sides = list(figures['rows'][0]['latency_s'])
    rows = [
        (
            each['subnet_id'],
            f'{each["flops"] / 1e6:.0f}',
            *(milliseconds(each['latency_s'][side]) for side in sides),
        )
        for each in figures['rows']
    ]
    heading = ('sub-network', 'MFLOP', *(f'{side}, ms' for side in sides))
    return ['## GPU', f'{figures["gpu"]["name"]}, batch 1.', table(heading, rows)]


def decision(figures: Figures) -> list[str]:
    """Return the time of a decision."""
    rows = [
        (
            f'{each["applications"]} x {each["points"]:,}',
            '-' if each['power_cap_w'] is None else f'{each["power_cap_w"]:g} W',
            *(milliseconds(each[key]) for key in ('p50_s', 'p99_s', 'longest_s')),
            f'{100 * each["exact"]:.0f} %',
        )
        for each in figures['rows']
    ]
    heading = ('applications x points', 'power cap', 'p50, ms', 'p99, ms', 'longest, ms', 'exact')
    return [
        '## A decision of the resource manager',
        f'`decide` alone, one thread, {figures["settings"]["decisions"]} decisions per case, with '
        'changing estimates and targets.',
        table(heading, rows),
    ]


def monitoring(figures: Figures) -> list[str]:
    """Return the cost of monitoring a machine."""
    rows = [
        (
            f'`{each["board"]}`',
            *(f'{100 * each[key]:.2f} %' for key in ('with', 'without', 'sampling')),
        )
        for each in figures['rows']
    ]
    return [
        '## Monitoring a machine',
        'CPU time of the platform node as a fraction of one core, with power sampled at '
        f'{figures["rate_hz"]:g} Hz and, alternately, hardly ever; it publishes `platform_state` '
        'at 10 Hz. The machines are folders of files in the layout of the boards: time of sensor '
        'drivers and buses is not included.',
        table(('machine', 'sampling', 'hardly sampling', 'difference'), rows),
    ]


SECTIONS: dict[str, Callable[[Figures], list[str]]] = {
    'inference': inference,
    'switching': switching,
    'node_overhead': node_overhead,
    'int8': int8,
    'supernet': supernet,
    'decision': decision,
    'monitoring': monitoring,
    'gpu': gpu,
}


def table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [heading, ['---'] * len(heading), *rows]
    return '\n'.join(f'| {" | ".join(str(cell) for cell in line)} |' for line in lines)


def milliseconds(seconds: float | None) -> str:
    """Return a time in ms, or a dash if it is unknown."""
    return '-' if seconds is None or math.isnan(seconds) else f'{seconds * 1e3:.2f}'


def number(value: float | None) -> str:
    """Return a figure with three significant digits, or a dash if it is unknown."""
    return '-' if value is None or math.isnan(value) else f'{value:.3g}'
