# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Tiny supernets, small images and board measurements, on which each test takes milliseconds."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dynofa_ros.cli import main
from dynofa_ros.commands.train import PROCESS_VARIABLES
from dynofa_ros.offline.data.dataset import DecodedImages
from dynofa_ros.supernet import zoo
from dynofa_ros.supernet.mobilenet_v3 import MobileNetV3Spec, OFAMobileNetV3
from dynofa_ros.supernet.search_space import inverted_residual_space
from dynofa_ros.supernet.vision_transformer import (
    VisionTransformer,
    VisionTransformerSpec,
    transformer_space,
)

HERE = Path(__file__).parent
# For fake_bench, and the fake kernel that it uses.
sys.path[:0] = [str(HERE), str(HERE.parent / 'platform' / 'linux')]

CLASSES = ('cat', 'dog', 'ship')


def tiny_mobilenet():
    space = inverted_residual_space(
        kernel_sizes=(3, 5), expand_ratios=(2, 3, 4), depths=(1, 2), resolutions=(8, 12), stages=1
    )
    spec = MobileNetV3Spec(
        name='tiny_mobilenet',
        space=space,
        classes=len(CLASSES),
        width=1.0,
        stem_stride=1,
        first_stride=1,
        strides=(2,),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        widths=(8, 8, 8),
        squeeze_excite=(True,),
        hard_swish=(True,),
        final_expand=16,
        feature_mix=16,
    )
    return OFAMobileNetV3(spec)


def tiny_transformer():
    space = transformer_space(
        depths=(1, 2), widths=(24, 32), heads=(1, 2), mlp_ratios=(1, 1.5), resolutions=(8, 12)
    )
    spec = VisionTransformerSpec(
        name='tiny_transformer',
        space=space,
        classes=len(CLASSES),
        head_channels=8,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
    )
    return VisionTransformer(spec)


FAMILIES = {'tiny_mobilenet': tiny_mobilenet, 'tiny_transformer': tiny_transformer}


@pytest.fixture
def make_net():
    """Return a function that makes a tiny supernet with seeded weights."""

    def make(family='tiny_mobilenet', seed=0):
        torch.manual_seed(seed)
        return FAMILIES[family]()

    return make


@pytest.fixture(scope='module')
def train():
    """Return a function that runs `dynofa train` on a tiny supernet; return its exit code."""

    def run(data, out, *more, supernet='tiny_mobilenet'):
        options = {
            '--supernet': supernet,
            '--data': data,
            '--out': out,
            '--epochs': 2,
            '--batch-size': 4,
            '--held-out': 8,
            '--keep': 2,
            '--candidates': 3,
            '--threads': 1,
        }
        arguments = [str(each) for pair in options.items() for each in pair]
        return main(['train', *arguments, *map(str, more)])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zoo, '_SUPERNETS', {**zoo._SUPERNETS, **FAMILIES})
        for name, value in PROCESS_VARIABLES.items():
            patch.setenv(name, value)  # otherwise the command replaces the test's process
        yield run


@pytest.fixture
def thumbnails():
    """Return a function that generates images of 12x12 pixels, coloured by class."""

    def make(count=24, seed=0):
        rng = torch.Generator().manual_seed(seed)
        classes = torch.arange(count) % len(CLASSES)
        images = torch.randint(0, 128, (count, 3, 12, 12), generator=rng, dtype=torch.uint8)
        images[torch.arange(count), classes] += 100
        return DecodedImages(images, classes, CLASSES)

    return make


@pytest.fixture(scope='session')
def write_images():
    """Return a function that writes a folder per class with images of given sizes (H, W)."""

    def write(folder, sizes=((12, 12),) * 8, classes=CLASSES, seed=0):
        rng = np.random.default_rng(seed)
        for channel, name in enumerate(classes):
            (folder / name).mkdir(parents=True)
            for number, size in enumerate(sizes):
                pixels = rng.integers(0, 128, (*size, 3), np.uint8)
                pixels[..., channel % 3] += 100
                cv2.imwrite(str(folder / name / f'{number}.png'), pixels)
        return folder

    return write


@pytest.fixture
def write_board():
    """Return a function that writes measurements of a board in LoudVA's layout.

    Latencies [s] and powers [W] by frequency [Hz] or power mode; powers of concurrency 1, 2, ...
    """

    def write(folder, latencies_s, powers_w, kind='freq'):
        for part in ('performance', 'power'):
            (folder / part / f'{kind}s').mkdir(parents=True, exist_ok=True)
        for key, latency_s in latencies_s.items():
            rows = [
                'Concurrency,Inferences/Second,Server Queue,Server Compute Input,'
                'Server Compute Infer,Server Compute Output'
            ]
            times_us = (100, 200, f'{latency_s * 1e6 - 350:.3f}', 50)
            rows += [
                ','.join(map(str, (concurrency, 1.0, *times_us)))
                for concurrency in range(1, len(powers_w[key]) + 1)
            ]
            name = f'{kind}_{key}.csv'
            file = folder / 'performance' / f'{kind}s' / f'performance_measurements_{name}'
            file.write_text('\n'.join(rows) + '\n')
            means = [f'Mean: {power_w * 1e3:.2f}\n' for power_w in powers_w[key]]
            file = folder / 'power' / f'{kind}s' / f'power_measurement_stats_{name}'
            file.write_text(''.join(means))
        return folder

    return write


FREQUENCIES_HZ = (100_000_000, 200_000_000, 400_000_000, 500_000_000, 800_000_000, 1_000_000_000)


@pytest.fixture
def board(write_board, tmp_path):
    """A board of 10 ms + 20 s MHz / f and 2 W + 8 W per GHz, 10 to 12 % more at concurrency 2-4."""
    latencies_s = {hertz: 0.01 + 20e6 / hertz for hertz in FREQUENCIES_HZ}
    powers_w = {
        hertz: tuple((2 + 8e-9 * hertz) * factor for factor in (1.0, 1.1, 1.11, 1.12))
        for hertz in FREQUENCIES_HZ
    }
    return write_board(tmp_path / 'board', latencies_s, powers_w)
