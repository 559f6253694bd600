"""The model card of sub-networks that a search found."""

from __future__ import annotations

from typing import Any

from dynofa_ros.offline.search_accuracy import Images
from dynofa_ros.supernet.model import Model


def search_card(found: Model, source: str, figures: dict[str, Any], images: Images) -> str:
    """Return the card as Markdown."""
    latency_s = {row['subnet_id']: row['latency_s'] for row in figures['measured']}
    rows = '\n'.join(
        f'| `{k.subnet_id}` | {k.flops / 1e6:.1f} | {k.parameters / 1e6:.2f} | {k.config.r} | '
        f'{latency_s[k.subnet_id] * 1e3:.2f} | {k.accuracy:.2%} |'
        for k in found.kept
    )
    ratio = figures['measured_over_ranked_latency']
    return f"""# {found.name}

Sub-networks of `{source}`, found by `dynofa search` (NSGA-II over predicted accuracy and modelled
latency). Weights, data and limits are those of `{source}`: see its card.

| sub-network | MFLOP (2 per multiply-add) | M parameters | input | latency [ms] | top-1 |
|---|---|---|---|---|---|
{rows}

Latency, on {figures['machine']} with {figures['engine']}, is the median of whole networks on one
image, without pre- and postprocessing; measured over ranked: {ratio['median']:.2f}
({ratio['least']:.2f} to {ratio['most']:.2f}). Top-1 is that of {len(images.test)} test images;
{len(images.held_out)} images that were not trained on chose the sub-networks. Batch norm is
calibrated for each. `profile.json` has the operating points.
"""
