# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Names of the weights in the official Once-for-All checkpoints.

The official files come in several generations: the layers of a block are named ``conv`` or, in
older files, ``mobile_inverted_conv``; an elastic layer wraps a plain one of the same name
(``bn.bn.weight``, ``conv.conv.weight``) where fixed layers and extracted sub-networks have
``bn.weight`` and ``conv.weight``. :func:`plain_key` gives all of them one form.
"""

from __future__ import annotations

from itertools import groupby

_STAGE_BLOCKS = 4
"""Blocks of a stage of the inverted residual supernets at full depth."""
_FIRST_OF_STAGE = (0, 4, 8, 14)
"""Index of each stage's first block in the official ResNet50."""

_ENDS = {
    'stem': 'first_conv',
    'final_expand': 'final_expand_layer',
    'feature_mix': 'feature_mix_layer',
    'classifier': 'classifier.linear',
}
_BLOCK = {
    'expand': 'inverted_bottleneck.conv',
    'expand_bn': 'inverted_bottleneck.bn',
    'depthwise': 'depth_conv.conv',
    'depthwise_bn': 'depth_conv.bn',
    'se': 'depth_conv.se.fc',
    'project': 'point_linear.conv',
    'project_bn': 'point_linear.bn',
}
_TRANSFORMS = {'transforms.to_5': '7to5_matrix', 'transforms.to_3': '5to3_matrix'}


def plain_key(key: str) -> str:
    """Return an official key in the form that all generations share.

    >>> plain_key('blocks.1.mobile_inverted_conv.point_linear.bn.bn.weight')
    'blocks.1.conv.point_linear.bn.weight'
    """
    parts = key.replace('.mobile_inverted_conv.', '.conv.').split('.')
    return '.'.join(part for part, _ in groupby(parts))


def inverted_residual_key(key: str) -> str:
    """Return the plain official key of a weight of OFA-MobileNetV3 or OFA-ProxylessNAS."""
    where, _, rest = key.partition('.')
    if where == 'stages':
        stage, block, rest = rest.split('.', 2)
        return f'blocks.{1 + _STAGE_BLOCKS * int(stage) + int(block)}.conv.{_block_key(rest)}'
    if where == 'first':
        return f'blocks.0.conv.{_block_key(rest)}'
    if key == 'feature_mix.weight':  # MobileNetV3 has no batch norm there
        rest = 'conv.weight'
    return f'{_ENDS[where]}.{rest}'


def resnet_key(key: str) -> str:
    """Return the plain official key of a weight of OFA-ResNet50."""
    where, _, rest = key.partition('.')
    if where == 'stages':
        stage, block, rest = rest.split('.', 2)
        return f'blocks.{_FIRST_OF_STAGE[int(stage)] + int(block)}.{rest}'
    if where == 'classifier':
        return f'classifier.linear.{rest}'
    # The stem's second layer is in a residual block of its own.
    return plain_key(f'input_stem.{rest.replace("1.", "1.conv.", 1)}')


def _block_key(key: str) -> str:
    layer, _, rest = key.partition('.')
    return f'{_BLOCK[layer]}.{_TRANSFORMS.get(rest, rest)}'
