# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The sections of a model card about calibrated scores and cascades."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dynofa_ros.offline.cascade.calibration import BINS, Calibration
from dynofa_ros.offline.cascade.measured import MeasuredCascade
from dynofa_ros.offline.training.model_card import write_model_card

HEADINGS = ('## Cascades', '## Calibration')
FRONT_PICTURE, RELIABILITY_PICTURE = 'cascades.png', 'reliability.png'
_UNCALIBRATED = re.compile(r'Scores\s+are\s+not\s+calibrated\s+probabilities\.\s*')


def sections(
    cascades: Sequence[MeasuredCascade],
    calibrations: Sequence[Calibration],
    settings: dict[str, Any],
) -> str:
    """Return both sections in Markdown."""
    columns = ['mean MFLOP', settings['mean'], settings['worst']]
    columns = list(dict.fromkeys(columns))  # without a profile, the cost is the operations
    costs = ' | '.join(columns)
    rows = '\n'.join(_cascade_row(each, len(columns)) for each in cascades)
    table = (
        f"""| cascade | reached | top-1 (95 %) | points above its last stage (95 %) | {costs} |
|---|---|---|---|{'---|' * len(columns)}
{rows}"""
        if cascades
        else 'No cascade is worth keeping: each costs as much as a sub-network of its accuracy.'
    )
    errors = '\n'.join(
        f'| `{each.subnet_id}` | {each.temperature:g} | {each.before:.2%} | {each.after:.2%} | '
        f'{each.floor:.2%} |'
        for each in calibrations
    )
    return f"""{HEADINGS[0]}

A later sub-network runs only on images of which the ones before it are unsure: `a+b@0.74` runs b
where the score of a is below 0.74. {settings['choosing']} images chose the thresholds and
temperatures; the figures are of {settings['measuring']} others ({settings['data']}, seed
{settings['seed']}), through {settings['engine']}.

{table}

![Accuracy against mean cost with and without cascades]({FRONT_PICTURE})

{HEADINGS[1]}

A temperature divides the logits of each sub-network, so that its scores are probabilities. The
table has the expected calibration error of the best class's score, {BINS} bins of equal width, on
the {settings['measuring']} images that fitted nothing. It is never 0 with so few images: the last
column is what perfect probabilities would show.

| sub-network | temperature | before | after | perfect scores |
|---|---|---|---|---|
{errors}

![Share of right answers against score, before and after]({RELIABILITY_PICTURE})

The command: `{settings['command']}`.
"""


def _cascade_row(each: MeasuredCascade, columns: int) -> str:
    record = each.record
    low, high = each.interval
    less, more = each.difference_interval
    costs = [f'{record.flops / 1e6:.1f}', f'{each.mean:.2f}', f'{each.worst:.2f}'][-columns:]
    reached = ', '.join(f'{share:.0%}' for share in record.reached)
    return (
        f'| `{record.cascade_id}` | {reached} | {each.top1:.2%} ({low:.1%} to {high:.1%}) | '
        f'{100 * each.difference:+.2f} ({100 * less:+.2f} to {100 * more:+.2f}) | '
        f'{" | ".join(costs)} |'
    )


def add_to_card(folder: Path, name: str, text: str) -> None:
    """Put the sections before the limits of a model's card, replacing earlier ones."""
    file = folder / 'README.md'
    card = file.read_text(encoding='utf-8') if file.is_file() else f'# {name}\n'
    for heading in HEADINGS:
        card = re.sub(rf'^{re.escape(heading)}$.*?(?=^## |\Z)', '', card, flags=re.M | re.S)
    card = _UNCALIBRATED.sub('', card)
    before, limits, after = card.partition('\n## Limits\n')
    write_model_card(folder, f'{before.rstrip()}\n\n{text}{limits}{after}')
