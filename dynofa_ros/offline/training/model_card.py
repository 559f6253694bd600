# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The model card: how a model was trained, and the accuracies that were measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynofa_ros.atomic_file import write_text
from dynofa_ros.offline.data.dataset import listed
from dynofa_ros.offline.training.config import TrainingPlan
from dynofa_ros.supernet.model import Model, SubnetRecord
from dynofa_ros.supernet.search_space import SearchSpace

_FAMILIES = {
    'OFAMobileNetV3': 'an OFA-MobileNetV3 supernet (arXiv 1908.09791)',
    'OFAProxylessNAS': 'an OFA-ProxylessNAS supernet (arXiv 1908.09791)',
    'OFAResNet': 'an OFA-ResNet50 supernet (arXiv 1908.09791)',
    'VisionTransformer': 'a dynamic Vision Transformer supernet (AutoFormer, arXiv 2107.00651; '
    'convolutional tokenizer and sequence pooling of arXiv 2104.05704)',
}

_FIELDS = {
    'ks': 'kernel',
    'e': 'expand or MLP ratio',
    'd': 'depth',
    'w': 'width',
    'h': 'heads',
    'v': 'variant',
}

_METHODS = {
    'sandwich': """Sandwich rule with in-place distillation (arXiv 1903.05134, 2003.11142): each
step trains the largest sub-network on the labels, and {others} on its outputs.""",
    'progressive': """Progressive shrinking (arXiv 1908.09791, section 3.3): first the largest
sub-network on the labels; then kernel size, depth, expand ratio and the other choices become
elastic one after the other, and random sub-networks learn from the labels and from the largest one
of the first phase. Hidden channels are sorted by importance before widths become elastic.""",
    'alone': 'A single sub-network was trained on the labels, as a baseline; the others of this '
    'model are untrained.',
}

_OPTIMIZERS = {
    'sgd': 'SGD with Nesterov momentum 0.9',
    'adamw': 'AdamW',
    'muon': 'Muon with Nesterov momentum 0.9 for matrices and kernels, AdamW for the rest',
}


@dataclass(frozen=True)
class TrainingFacts:
    """How a model was trained."""

    plan: TrainingPlan
    data: str
    """Description of the data set."""
    initial_weights: str
    """Source of the initial weights; empty if they were random."""
    processes: int
    train_images: int
    held_out_images: int
    test_images: int
    decoded_per_batch: bool
    """Whether images came in any size and were randomly cropped."""
    command: str
    before: tuple[str, ...] = ()
    """Descriptions of earlier runs, for a model that was trained in several."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and strings, for a file."""
        return vars(self) | {'plan': self.plan.to_dict(), 'before': list(self.before)}


def model_card(model: Model, facts: TrainingFacts) -> str:
    """Return the model card as Markdown."""
    spec, space = model.net.spec, model.net.space
    family = _FAMILIES.get(type(model.net).__name__, type(model.net).__name__)
    ratio = model.kept[-1].flops / model.kept[0].flops
    rows = '\n'.join(_row(each) for each in model.kept)
    settings = '\n'.join(
        f'| `{name}` | {value} |'
        for name, value in (facts.plan.to_dict() | {'processes': facts.processes}).items()
        if value is not None
    )
    calibrated = ', batch norm calibrated for each' if model.net.shares_batch_norm else ''
    return f"""# {model.name}

{spec.name}: {family}, trained by this project.

- Input: RGB, {_joined(space.resolutions)} pixels square.
- Output: {len(model.labels)} classes: {listed(model.labels, most=20)}.
- Search space: {_choices(space)}; {space.size:.2g} sub-networks.
- Intended use: demonstrations, tests and benchmarks of this package. The model has
  {len(model.labels)} classes; an image of anything else is still assigned to one of them.

## Kept sub-networks

Top-1 on {facts.test_images} test images{calibrated}, preprocessed as in the perception node.
{len(model.kept)} sub-networks over a {ratio:.1f}x range of operations.

| sub-network | MFLOP (2 per multiply-add) | M parameters | layers | input | depths | top-1 |
|---|---|---|---|---|---|---|
{rows}

## Training

Data: {facts.data}. {facts.train_images} images were used for training and {facts.held_out_images}
held-out images to select the sub-networks; the test images were used only for the last column, and
to drop sub-networks that a cheaper one outperforms there.

{_training(facts)}

| setting | value |
|---|---|
{settings}

Command: `{facts.command}`.
`training/curves.png`, if included, shows loss and accuracy during training.

## Limits

Scores are not calibrated probabilities. Weights are stored as float16; accuracies were measured
after rounding.{_data_limits(facts.data)}
"""


def write_model_card(folder: Path, text: str) -> None:
    """Write the card to the model folder atomically."""
    write_text(folder / 'README.md', text)


def _training(facts: TrainingFacts) -> str:
    plan = facts.plan
    others = 'the smallest or a random one'
    if plan.subnets_per_step > 2:
        count = plan.subnets_per_step - 2
        others = f'the smallest and {"a random one" if count == 1 else f"{count} random ones"}'
    start = 'Weights were initialised randomly.'
    if facts.initial_weights:
        start = f'Weights were initialised from `{facts.initial_weights}`.'
    augmentation = (
        'Images are randomly cropped, resized and flipped.'
        if facts.decoded_per_batch
        else 'Images are shifted by up to 4 pixels and flipped.'
    )
    climb = 'The resolution increases during training. ' if plan.climb > 0 else ''
    before = ''.join(f'Earlier run: {each}\n\n' for each in facts.before)
    return (
        f'{before}{_METHODS[plan.method].format(others=others)}\n\n'
        f'{start} {_OPTIMIZERS[plan.optimizer]}, one cycle of the learning rate '
        f'{"per phase" if plan.method == "progressive" else "over the run"}, {plan.precision}. '
        f'{climb}{augmentation}'
    )


def _row(kept: SubnetRecord) -> str:
    return (
        f'| `{kept.subnet_id}` | {kept.flops / 1e6:.1f} | {kept.parameters / 1e6:.2f} | '
        f'{kept.layers} | {kept.config.r} | {_joined(kept.config.d) or "-"} | {kept.accuracy:.2%} |'
    )


def _data_limits(data: str) -> str:
    if 'cifar' in data.lower() and 'jpeg' in data.lower():
        return (
            '\nThe images are 32x32 lossy JPEG; published CIFAR-10 accuracies are not comparable.'
        )
    return ''


def _choices(space: SearchSpace) -> str:
    return '; '.join(
        f'{_FIELDS[field]} {_joined(space.allowed(field))} ({len(space.choices(field))} times)'
        for field in space.fields
    )


def _joined(values: Iterable[object]) -> str:
    return ', '.join(map(str, values))
