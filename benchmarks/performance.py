"""Write what the benchmarks measured as a page: docs/performance.md.

Reads the JSON files that `scripts/benchmark` leaves in a folder. A benchmark that was not run is
named as missing; nothing is filled in.

    python benchmarks/performance.py build/benchmark docs/performance.md
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Figures = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; return 1 if there is nothing to write, or it cannot be written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('figures', type=Path, help='folder of the JSON files')
    parser.add_argument('page', type=Path, help='file to write')
    options = parser.parse_args(arguments)
    try:
        text = page(options.figures)
        partial = options.page.with_name(options.page.name + '.partial')
        partial.write_text(text, encoding='utf-8')
        partial.replace(options.page)
    except (OSError, ValueError) as error:
        print(f'performance: {error}', file=sys.stderr)
        return 1
    print(f'{options.page} is written')
    return 0


def page(folder: Path) -> str:
    """Return the page as Markdown.

    Raises:
        ValueError: if the folder holds no figures, or a file of it is damaged.
    """
    found = {name: figures for name in SECTIONS if (figures := read(folder / f'{name}.json'))}
    if not found:
        names = ', '.join(f'{name}.json' for name in SECTIONS)
        raise ValueError(f'{folder} holds none of: {names}')
    parts = ['# Performance', INTRODUCTION, machine(found), *goals(found)]
    for name, section in SECTIONS.items():
        if name in found:
            parts += section(found[name])
        else:
            parts += [f'## {name}', 'Not measured.']
    return '\n\n'.join(part.strip('\n') for part in parts if part) + '\n'


def read(file: Path) -> Figures | None:
    """Return a file's figures; None if it does not exist.

    Raises:
        ValueError: naming the file that is damaged.
    """
    if not file.exists():
        return None
    try:
        document = json.loads(file.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{file} is damaged: {error}') from error
    if not isinstance(document, dict):
        raise ValueError(f'{file} is damaged: it holds no object')
    return document


INTRODUCTION = (
    'Written by `scripts/benchmark`: these figures are of the machine named here, and of no '
    'other. Both sides of every comparison ran in turn in one run; figures are medians unless '
    'they say otherwise.'
)


def machine(found: Mapping[str, Figures]) -> str:
    """Return what the benchmarks ran on."""
    facts = next(each['machine'] for each in found.values() if 'machine' in each)
    versions = ', '.join(f'{name} {version}' for name, version in facts['packages'].items())
    loads = [each['machine']['load_average_1_min'] for each in found.values() if 'machine' in each]
    return (
        f'**{facts["cpu"]}**, {facts["cores"]} cores, {facts["system"]}, Python {facts["python"]}, '
        f'{versions}. Load of the machine when each benchmark began: '
        f'{", ".join(f"{load:.1f}" for load in loads)}.'
    )


def goals(found: Mapping[str, Figures]) -> list[str]:
    """Return every goal of every benchmark, met or not."""
    rows = [
        (name, each['name'], number(each['value']), f'{each["goal"]:g}', verdict(each['met']))
        for name, figures in found.items()
        for each in figures.get('goals', ())
    ]
    return ['## Goals', table(('benchmark', 'figure', 'measured', 'goal', ''), rows)]


def verdict(met: bool) -> str:
    """Return whether a goal is met, so that a missed one is seen."""
    return 'met' if met else '**missed**'


def inference(figures: Figures) -> list[str]:
    """Return engines against the dynamic eager network, and well-known networks beside."""
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
        f'{product["flops_per_s"] / 1e9:.0f} GFLOP/s in turn with `{product["network"]}`; of that '
        f'rate the engines reach: {shares}.',
        figures['missing'],
    ]


def switching(figures: Figures) -> list[str]:
    """Return what a switch costs, and memory."""
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
    """Return what each way of keeping sub-networks takes."""
    rows = []
    for kind, readings in kinds.items():
        grown = {name: each['resident_set_bytes'] for name, each in readings['steps'].items()}
        weights = grown.pop('weights', 0)
        each = sum(grown.values()) / len(grown)
        total = weights + sum(grown.values())
        rows.append((kind, len(grown), *(f'{b / 1e6:.1f}' for b in (weights, each, total))))
    heading = ('kept as', 'networks', 'weights, MB', 'each, MB', 'all, MB')
    return 'What a process grows by (resident set size):\n\n' + table(heading, rows)


def node_overhead(figures: Figures) -> list[str]:
    """Return what the node adds to a frame."""
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
        '## What the node adds',
        'From the stamp of an image until its report is published, without the inference, less '
        'what a bare subscriber needs that only takes the message; camera in another process, '
        f'{figures["settings"]["rate"]:g} Hz, `{figures["subnet_id"]}` on {figures["engine"]}.',
        table(heading, rows),
    ]


def int8(figures: Figures) -> list[str]:
    """Return what int8 gains and costs."""
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
    """Return what switching and extracting cost in PyTorch, for the largest of each supernet."""
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


SECTIONS: dict[str, Callable[[Figures], list[str]]] = {
    'inference': inference,
    'switching': switching,
    'node_overhead': node_overhead,
    'int8': int8,
    'supernet': supernet,
    'gpu': gpu,
}


def table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [heading, ['---'] * len(heading), *rows]
    return '\n'.join(f'| {" | ".join(str(cell) for cell in line)} |' for line in lines)


def milliseconds(seconds: float | None) -> str:
    """Return a time; an unknown one is a dash."""
    return '-' if seconds is None or math.isnan(seconds) else f'{seconds * 1e3:.2f}'


def number(value: float | None) -> str:
    """Return a figure to three places that count; an unknown one is a dash."""
    return '-' if value is None or math.isnan(value) else f'{value:.3g}'


if __name__ == '__main__':
    sys.exit(main())
