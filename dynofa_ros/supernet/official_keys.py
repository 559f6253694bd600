"""What the weights are called in the official Once-for-All checkpoints.

The official files come in several generations: a block's layers lie under ``conv`` or, before,
under ``mobile_inverted_conv``; an elastic layer wraps a plain one of the same name, so that
``bn.bn.weight`` and ``conv.conv.weight`` stand beside the ``bn.weight`` and ``conv.weight`` of
fixed layers and of extracted sub-networks. :func:`plain_key` makes all of them alike.
"""

from __future__ import annotations

from itertools import groupby

_STAGE_BLOCKS = 4
"""Blocks of a stage of the inverted residual supernets at full depth."""
_FIRST_OF_STAGE = (0, 4, 8, 14)
"""Index of each stage's first block in the official ResNet50."""

_MOBILENET_V3 = {
    'stem': 'first_conv',
    'final_expand': 'final_expand_layer',
    'feature_mix': 'feature_mix_layer.conv',
    'classifier': 'classifier.linear',
}
_PROXYLESS = {
    'stem': 'first_conv',
    'feature_mix': 'feature_mix_layer',
    'classifier': 'classifier.linear',
}
_INVERTED_RESIDUAL = {
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


def mobilenet_v3_key(key: str) -> str:
    """Return the plain official key of a weight of OFA-MobileNetV3."""
    return _inverted_residual_key(key, _MOBILENET_V3)


def proxyless_key(key: str) -> str:
    """Return the plain official key of a weight of OFA-ProxylessNAS."""
    return _inverted_residual_key(key, _PROXYLESS)


def resnet_key(key: str) -> str:
    """Return the plain official key of a weight of OFA-ResNet50."""
    where, _, rest = key.partition('.')
    if where == 'stages':
        stage, block, rest = rest.split('.', 2)
        return f'blocks.{_FIRST_OF_STAGE[int(stage)] + int(block)}.{rest}'
    if where == 'classifier':
        return f'classifier.linear.{rest}'
    # The stem's second layer lies in a residual block of its own.
    return plain_key(f'input_stem.{rest.replace("1.", "1.conv.", 1)}')


def _inverted_residual_key(key: str, ends: dict[str, str]) -> str:
    where, _, rest = key.partition('.')
    if where == 'stages':
        stage, block, rest = rest.split('.', 2)
        return f'blocks.{1 + _STAGE_BLOCKS * int(stage) + int(block)}.conv.{_block_key(rest)}'
    if where == 'first':
        return f'blocks.0.conv.{_block_key(rest)}'
    return f'{ends[where]}.{rest}'


def _block_key(key: str) -> str:
    layer, _, rest = key.partition('.')
    return f'{_INVERTED_RESIDUAL[layer]}.{_TRANSFORMS.get(rest, rest)}'
