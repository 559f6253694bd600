# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Write platform descriptions as YAML, and update fitted numbers in an existing one in place.

In a description every number names its source. An update replaces the numbers whose source is the
fit; all other text, comments included, stays byte for byte. PyYAML's node positions serve for that:
ruamel.yaml keeps comments, but wraps long lists anew, 9 to 29 lines of each shipped description.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dynofa_ros.atomic_file import atomic_write
from dynofa_ros.offline.calibration.loudva_fit import PlatformFit
from dynofa_ros.platform import PlatformError, load_platform

WIDTH = 100


def quantity(value: object, source: str, note: str = '') -> dict[str, Any]:
    """Return a number of a description with its source."""
    return {'value': value, 'source': source} | ({'note': note} if note else {})


def yaml_text(document: dict[str, Any], *, flow: bool | None = None) -> str:
    """Return a document as YAML; `flow` None puts the innermost mappings on one line."""
    text: str = yaml.safe_dump(
        document, sort_keys=False, default_flow_style=flow, width=WIDTH, allow_unicode=True
    )
    return text


def fitted_values(fit: PlatformFit) -> dict[str, dict[str, Any]]:
    """Return the fitted numbers by section and key of a processor's description."""
    latency, table = fit.latency, fit.busy_power
    return {
        'latency': {
            'overhead_s_per_layer': latency.overhead_s_per_layer,
            'overhead_cycles_per_layer': latency.overhead_cycles_per_layer,
            'flop_per_cycle': latency.flop_per_cycle,
        },
        'busy_power': {
            'frequencies_hz': [round(each) for each in table.frequencies_hz],
            'power_w': list(table.power_w),
        },
    }


def fragment(fit: PlatformFit, *, processor: str, source: str, citation: str) -> str:
    """Return the fitted part of a description, to paste into a new one."""
    sections = {
        section: {key: quantity(value, source) for key, value in values.items()}
        for section, values in fitted_values(fit).items()
    }
    return yaml_text({'sources': {source: citation}}, flow=False) + yaml_text(
        {'processors': {processor: sections}}
    )


def update(
    file: Path, fit: PlatformFit, *, processor: str, source: str, citation: str
) -> tuple[str, ...]:
    """Write the fitted numbers of a processor into a description; return their paths.

    The power table is updated as a whole where the source of its powers is the fit. `citation`
    becomes the text of the source. The file is replaced only if the result still loads.

    Raises:
        ValueError: naming the file and its fault.
    """
    try:
        text = file.read_text(encoding='utf-8')
        entries = dict(_walk(yaml.compose(text, Loader=yaml.SafeLoader)))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f'platform {file} cannot be read: {error}') from error
    if f'sources.{source}' not in entries:
        raise ValueError(f'platform {file}: source is {source!r}; expected a key of sources')
    values: dict[str, Any] = {}
    for section, numbers in fitted_values(fit).items():
        for key, value in numbers.items():
            path = f'processors.{processor}.{section}'
            deciding = 'power_w' if section == 'busy_power' else key
            _, cited = entries.get(f'{path}.{deciding}.source', (None, None))
            if cited is not None and cited.value == source and f'{path}.{key}.value' in entries:
                values[f'{path}.{key}'] = value
    if not values:
        raise ValueError(
            f'platform {file}: no number of processor {processor!r} has the source {source!r}; '
            f'expected at least one, such as flop_per_cycle: {{value: 1, source: {source}}}'
        )
    edits = [_citation_edit(text, entries[f'sources.{source}'], citation)]
    edits += [_value_edit(text, entries[f'{path}.value'], values[path]) for path in values]
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    write_description(file.resolve(), text, what='with the fit')
    return tuple(values)


def write_description(file: Path, text: str, *, what: str) -> None:
    """Replace a description atomically if the text loads; `what` describes it in the error.

    Raises:
        ValueError: naming the file and its fault.
    """
    with atomic_write(file, what='platform') as partial:
        partial.write_text(text, encoding='utf-8')
        try:
            load_platform(str(partial))
        except PlatformError as error:
            raise ValueError(f'platform {file} is left unchanged: {what}, {error}') from error


Entry = tuple[yaml.Node, yaml.Node]
"""Key and value of a mapping."""
Edit = tuple[int, int, str]
"""Start and end in the text, and the text between them."""


def _walk(node: yaml.Node | None, path: str = '') -> Iterator[tuple[str, Entry]]:
    """Yield the path and entry of every key of a document."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f'{path}.{key.value}' if path else str(key.value)
            yield below, (key, value)
            yield from _walk(value, below)


def _value_edit(text: str, entry: Entry, value: object) -> Edit:
    column = entry[0].start_mark.column
    # PyYAML writes 8.0e-05, since YAML 1.1 reads 8e-05 as a string.
    item = yaml.safe_dump({'value': value}, default_flow_style=True, width=float('inf'))
    wrapped = textwrap.fill(
        item.strip()[1:-1],
        WIDTH,
        initial_indent=' ' * column,
        subsequent_indent=' ' * (column + len('value: [')),
    )
    return (*_span(text, entry), wrapped.lstrip())


def _citation_edit(text: str, entry: Entry, citation: str) -> Edit:
    """Return the edit to a folded block, which needs no quotes."""
    indent = ' ' * (entry[0].start_mark.column + 2)
    block = textwrap.fill(citation, WIDTH, initial_indent=indent, subsequent_indent=indent)
    return (*_span(text, entry), f'{entry[0].value}: >-\n{block}')


def _span(text: str, entry: Entry) -> tuple[int, int]:
    """Return where an entry starts and ends in the text."""
    start, end = entry[0].start_mark.index, entry[1].end_mark.index
    # The end mark of a block lies before the next token; the space between is not part of it.
    return start, start + len(text[start:end].rstrip())
