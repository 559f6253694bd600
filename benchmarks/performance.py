# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Write the figures of the benchmarks as a page: docs/performance.md.

Reads the JSON files that `scripts/benchmark` writes to a folder. A benchmark without a file is
listed as not measured.

    python benchmarks/performance.py build/benchmark docs/performance.md
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from performance_sections import SECTIONS, Figures, column, number, table_of

from dynofa_ros.atomic_file import write_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; return 1 without figures, or if the page cannot be written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('figures', type=Path, help='folder of the JSON files')
    parser.add_argument('page', type=Path, help='file to write')
    options = parser.parse_args(arguments)
    try:
        write_text(options.page, page(options.figures))
    except (OSError, ValueError) as error:
        print(f'performance: {error}', file=sys.stderr)
        return 1
    print(f'wrote {options.page}')
    return 0


def page(folder: Path) -> str:
    """Return the page as Markdown.

    Raises:
        ValueError: if the folder has no figures, or one of its files is damaged.
    """
    found = {name: figures for name in SECTIONS if (figures := read(folder / f'{name}.json'))}
    if not found:
        names = ', '.join(f'{name}.json' for name in SECTIONS)
        raise ValueError(f'{folder} has no figures; expected one of {names}')
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
        ValueError: if the file is damaged.
    """
    if not file.exists():
        return None
    try:
        document = json.loads(file.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{file} is damaged: {error}') from error
    if not isinstance(document, dict):
        raise ValueError(f'{file} is damaged: it is not a JSON object')
    return document


INTRODUCTION = (
    'Written by `scripts/benchmark`. All figures are of the machine named here. Both sides of '
    'every comparison ran alternately in one run; figures are medians unless stated otherwise.'
)


def machine(found: Mapping[str, Figures]) -> str:
    """Return a description of the machine."""
    facts = next(each['machine'] for each in found.values() if 'machine' in each)
    versions = ', '.join(f'{name} {version}' for name, version in facts['packages'].items())
    loads = [each['machine']['load_average_1_min'] for each in found.values() if 'machine' in each]
    return (
        f'**{facts["cpu"]}**, {facts["cores"]} cores, {facts["system"]}, Python {facts["python"]}, '
        f'{versions}. Load of the machine at the start of each benchmark: '
        f'{", ".join(f"{load:.1f}" for load in loads)}.'
    )


def goals(found: Mapping[str, Figures]) -> list[str]:
    """Return all goals of all benchmarks, met or missed; a missed one is bold."""
    rows = [
        {'benchmark': name, 'verdict': 'met' if each['met'] else '**missed**', **each}
        for name, figures in found.items()
        for each in figures.get('goals', ())
    ]
    columns = {
        'benchmark': column('benchmark'),
        'figure': column('name'),
        'measured': number('value'),
        'goal': column('goal', form='{:g}'),
        '': column('verdict'),
    }
    return ['## Goals', table_of(rows, columns)]


if __name__ == '__main__':
    sys.exit(main())
