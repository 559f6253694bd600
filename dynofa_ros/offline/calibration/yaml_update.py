"""Write what was fitted into a platform description, and leave all else of the file as it is.

A description says of each number where it comes from. The numbers that name the fit as their
source are the fit's to change; those of other sources, and comments, stay.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from dynofa_ros.atomic_file import written_whole
from dynofa_ros.offline.calibration.loudva_fit import DIGITS, PlatformFit
from dynofa_ros.platform import PlatformError, load_platform

WIDTH = 100
TABLE, POWERS, CLOCKS = 'busy_power', 'power_w', 'frequencies_hz'


def quantities(fit: PlatformFit) -> dict[str, str]:
    """Return the fitted numbers as YAML, by their key in a description."""
    latency, table = fit.latency, fit.busy_power
    return {
        'overhead_s_per_layer': _number(latency.overhead_s_per_layer),
        'overhead_cycles_per_layer': _number(latency.overhead_cycles_per_layer),
        'flop_per_cycle': _number(latency.flop_per_cycle),
        CLOCKS: _sequence([f'{each:.0f}' for each in table.frequencies_hz]),
        POWERS: _sequence([_number(each) for each in table.power_w]),
    }


def fragment(fit: PlatformFit, *, processor: str, source: str, citation: str) -> str:
    """Return the fitted part of a description, to be pasted into a new one."""
    values = {
        key: f'{key}: {{value: {value}, source: {source}}}'
        for key, value in quantities(fit).items()
    }
    lines = [
        'sources:',
        f'  {source}: {_folded(citation, indent=4)}',
        'processors:',
        f'  {processor}:',
        '    latency:',
        *(f'      {values[key]}' for key in values if key not in (CLOCKS, POWERS)),
        '    busy_power:',
        *(_wrapped(f'      {values[key]}', indent=8) for key in (CLOCKS, POWERS)),
    ]
    return '\n'.join(lines) + '\n'


def update(
    file: Path, fit: PlatformFit, *, processor: str, source: str, citation: str
) -> tuple[str, ...]:
    """Write the fitted numbers of a processor into a description; return the paths of these.

    Where the powers are the fit's, the clocks of their table are too. The text of the source
    becomes `citation`. The file is written whole or not at all, and only if it still loads.

    Raises:
        ValueError: naming the file and what is wrong with it.
    """
    try:
        text = file.read_text(encoding='utf-8')
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f'platform {file} cannot be read: {error}') from error
    entries = dict(_walk(root))
    cited = entries.get(f'sources.{source}')
    if cited is None:
        raise ValueError(f'platform {file}: sources names no {source!r}; expected a key of sources')
    edits = dict(_fitted(entries, quantities(fit), processor=processor, source=source))
    if not edits:
        raise ValueError(
            f'platform {file}: no number of processor {processor!r} has the source {source!r}; '
            f'expected at least one, such as flop_per_cycle: {{value: 1, source: {source}}}'
        )
    spans = {_span(text, entry): _in_place(value, entry) for entry, value in edits.values()}
    spans[_span(text, cited)] = ': ' + _folded(citation, indent=cited[0].start_mark.column + 2)
    for (start, end), value in sorted(spans.items(), reverse=True):
        text = text[:start] + value + text[end:]
    write_description(file.resolve(), text, what='with the fit')
    return tuple(edits)


Entry = tuple[yaml.Node, yaml.Node]
"""A key of a mapping, and its value."""


def _fitted(
    entries: Mapping[str, Entry], values: Mapping[str, str], *, processor: str, source: str
) -> Iterator[tuple[str, tuple[Entry, str]]]:
    """Yield path, entry and new text of every value that the fit is the source of."""
    for key in values:
        section = f'processors.{processor}.{TABLE if key in (CLOCKS, POWERS) else "latency"}'
        deciding = POWERS if key == CLOCKS else key
        cited = entries.get(f'{section}.{deciding}.source')
        entry = entries.get(f'{section}.{key}.value')
        if cited is not None and entry is not None and cited[1].value == source:
            yield f'{section}.{key}', (entry, values[key])


def _walk(node: yaml.Node | None, path: str = '') -> Iterator[tuple[str, Entry]]:
    """Yield every entry of a document with its path."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f'{path}.{key.value}' if path else str(key.value)
            yield below, (key, value)
            yield from _walk(value, below)


def _span(text: str, entry: Entry) -> tuple[int, int]:
    """Return where the colon of an entry and its value stand, on one line or on more."""
    key, value = entry
    start, end = key.end_mark.index, value.end_mark.index
    # A block ends where the next token starts; the space between is not its own.
    return start, start + len(text[start:end].rstrip())


def _in_place(value: str, entry: Entry) -> str:
    column = entry[0].end_mark.column
    return _wrapped(' ' * column + f': {value}', indent=column + 3).lstrip()


def _number(value: float) -> str:
    mantissa, exponent, power = f'{value:.{DIGITS}g}'.partition('e')
    # YAML 1.1 takes 8e-05 for a text.
    point = '.0' if exponent and '.' not in mantissa else ''
    return f'{mantissa}{point}{exponent}{power}'


def _sequence(items: Sequence[str]) -> str:
    return f'[{", ".join(items)}]'


def _folded(text: str, *, indent: int) -> str:
    """Return a text as YAML's folded block, which needs no quotes."""
    return '>-\n' + textwrap.fill(
        text, WIDTH, initial_indent=' ' * indent, subsequent_indent=' ' * indent
    )


def _wrapped(line: str, *, indent: int) -> str:
    return textwrap.fill(
        line, WIDTH, subsequent_indent=' ' * indent, break_long_words=False, break_on_hyphens=False
    )


def write_description(file: Path, text: str, *, what: str) -> None:
    """Write a description whole, and only if it loads; `what` it is of goes into the error.

    Raises:
        ValueError: naming the file and what is wrong with it.
    """
    with written_whole(file, what='platform') as partial:
        partial.write_text(text, encoding='utf-8')
        try:
            load_platform(str(partial))
        except PlatformError as error:
            raise ValueError(f'platform {file} is left as it is: {what}, {error}') from error
