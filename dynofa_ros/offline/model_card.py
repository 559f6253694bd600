"""The model card: how a model was trained, and what it was measured to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from dynofa_ros.offline.train import TrainingPlan
from dynofa_ros.supernet.model import Model
from dynofa_ros.supernet.search_space import SearchSpace

_FAMILIES = {
    'OFAMobileNetV3': 'an OFA-MobileNetV3 supernet (arXiv 1908.09791)',
}

_FIELDS = {
    'ks': 'kernel',
    'e': 'expand ratio',
    'd': 'depth',
    'w': 'width',
    'h': 'heads',
    'v': 'variant',
}


def model_card(
    model: Model,
    plan: TrainingPlan,
    *,
    train_images: int,
    held_out: int,
    test_images: int,
    data: str,
) -> str:
    """Return the card as Markdown."""
    rows = '\n'.join(
        f'| `{k.subnet_id}` | {k.flops / 1e6:.1f} | {k.parameters / 1e6:.2f} | {k.layers} | '
        f'{k.config.r} | {", ".join(map(str, k.config.d))} | {k.accuracy:.2%} |'
        for k in model.kept
    )
    settings = '\n'.join(f'| `{name}` | {value} |' for name, value in asdict(plan).items())
    spec, space = model.net.spec, model.net.space
    ratio = model.kept[-1].flops / model.kept[0].flops
    return f"""# {model.name}

{spec.name}: {_FAMILIES.get(type(model.net).__name__, type(model.net).__name__)}, adapted to small
images and trained from scratch by this project.

- Input: RGB, {_listed(space.resolutions)} pixels square.
- Output: {len(model.labels)} classes: {_listed(model.labels)}.
- Search space: {_choices(space)}; {space.size:.2g} sub-networks.
- Intended use: demonstrations, tests and benchmarks of this package. It knows
  {len(model.labels)} kinds of things in thumbnails; a photograph of anything else gets one of
  their names too.

## Kept sub-networks

Top-1 on {test_images} test images, batch norm calibrated for each. {len(model.kept)} sub-networks
over a {ratio:.1f}x range of operations.

| sub-network | MFLOP (2 per multiply-add) | M parameters | layers | input | depths | top-1 |
|---|---|---|---|---|---|---|
{rows}

## Training

Data: {data}. {train_images} images were trained on; {held_out} more, held out, chose the
sub-networks; the test images were used for the last column alone, and to drop a sub-network that
a cheaper one beats there.

Sandwich rule with in-place distillation: each step trains the largest sub-network on the labels,
and the smallest and a random one on its outputs. Resolution climbs while training. Images are
shifted by up to 4 pixels and mirrored.

| setting | value |
|---|---|
{settings}

The command: `dynofa train --data TRAIN --test TEST --out FOLDER`; the settings are its options.

## Limits

The images are 32x32 lossy JPEG: published CIFAR-10 accuracies do not carry over to them. Scores
are not calibrated probabilities. Weights are stored as float16; the accuracies were measured after
that rounding.
"""


def write_model_card(folder: Path, text: str) -> None:
    """Write the card beside the weights."""
    (folder / 'README.md').write_text(text)


def _choices(space: SearchSpace) -> str:
    return '; '.join(
        f'{_FIELDS[field]} {_listed(space.allowed(field))} ({len(space.choices(field))} choices)'
        for field in space.fields
    )


def _listed(values: Iterable[object]) -> str:
    return ', '.join(map(str, values))
