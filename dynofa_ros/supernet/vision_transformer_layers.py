# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Layers of the dynamic Vision Transformer; sizes are arguments of each call.

Slicing follows AutoFormer's weight entanglement (arXiv 2107.00651, section 3.2).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode, StoredStatistics
from dynofa_ros.supernet.extract import copy_linear
from dynofa_ros.supernet.layers import ElasticConvBatchNorm, make_divisible


class ElasticLinear(nn.Linear):
    """A linear layer that uses its first output and input channels."""

    def __init__(self, max_in: int, max_out: int) -> None:
        super().__init__(max_in, max_out)
        nn.init.trunc_normal_(self.weight, std=0.02)
        nn.init.zeros_(self.bias)

    def active(self, in_channels: int, out_channels: int) -> tuple[Tensor, Tensor]:
        """Return the (out_channels, in_channels) weight and the (out_channels,) bias."""
        return self.weight[:out_channels, :in_channels], self.bias[:out_channels]

    def forward(self, x: Tensor, out_channels: int) -> Tensor:  # type: ignore[override]
        """Map (..., C) to (..., out_channels)."""
        return F.linear(x, *self.active(x.shape[-1], out_channels))

    def extract(
        self, in_channels: int, out_channels: int, *, after: ElasticLayerNorm | None = None
    ) -> nn.Linear:
        """Return the layer for fixed channels, with the affine part of a preceding norm folded."""
        weight, bias = self.active(in_channels, out_channels)
        return copy_linear(weight, bias) if after is None else after.fold(weight, bias)


class ElasticLayerNorm(nn.Module):
    """Layer norm over the active channels, with the first of the affine parameters."""

    def __init__(self, max_channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(max_channels))
        self.bias = nn.Parameter(torch.zeros(max_channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (..., C) over C."""
        n = x.shape[-1]
        return F.layer_norm(x, (n,), self.weight[:n], self.bias[:n], self.eps)

    def fold(self, weight: Tensor, bias: Tensor) -> nn.Linear:
        """Return the linear layer after this norm, with the affine part of the norm included."""
        n = weight.shape[1]
        return copy_linear(weight * self.weight[:n], bias + weight @ self.bias[:n])


class ConvTokenizer(nn.Module):
    """Three 3x3 convolutions with batch norm and ReLU; a token covers 4x4 pixels."""

    strides = (1, 2, 2)
    stride = math.prod(strides)

    def __init__(self, max_width: int) -> None:
        super().__init__()
        channels = (3, *self.channels(max_width))
        self.convs = nn.ModuleList(
            ElasticConvBatchNorm(channels[i], channels[i + 1], 3, stride)
            for i, stride in enumerate(self.strides)
        )

    @staticmethod
    def channels(width: int) -> tuple[int, int, int]:
        """Return the output channels of each convolution: 1/3, 2/3 and all of the width."""
        return make_divisible(width / 3), make_divisible(2 * width / 3), width

    def forward(self, x: Tensor, width: int, mode: BatchNormMode) -> Tensor:
        """Map (N, 3, r, r) to (N, width, r / 4, r / 4)."""
        for conv, channels in zip(self.convs, self.channels(width), strict=True):
            x = F.relu(conv(x, channels, mode))
        return x

    def extract(self, width: int, mode: StoredStatistics) -> nn.Sequential:
        """Return the tokenizer for one embedding width."""
        modules: list[nn.Module] = []
        before = 3
        for layer, channels in zip(self.convs, self.channels(width), strict=True):
            assert isinstance(layer, ElasticConvBatchNorm)
            modules += [layer.extract(before, channels, mode), nn.ReLU()]
            before = channels
        return nn.Sequential(*modules)


class TransformerLayer(nn.Module):
    """Multi-head self-attention and an MLP, each with a preceding layer norm and a shortcut."""

    def __init__(
        self, max_width: int, *, max_heads: int, head_channels: int, max_hidden: int
    ) -> None:
        super().__init__()
        inner = max_heads * head_channels
        self.head_channels, self.max_inner = head_channels, inner
        self.attention_norm = ElasticLayerNorm(max_width)
        self.qkv = ElasticLinear(max_width, 3 * inner)
        self.project = ElasticLinear(inner, max_width)
        self.mlp_norm = ElasticLayerNorm(max_width)
        self.expand = ElasticLinear(max_width, max_hidden)
        self.reduce = ElasticLinear(max_hidden, max_width)

    def active_qkv(self, width: int, heads: int) -> tuple[Tensor, Tensor]:
        """Return the weight and bias of the queries, keys and values of the first heads."""
        inner = heads * self.head_channels
        weight = self.qkv.weight.view(3, self.max_inner, -1)[:, :inner, :width]
        bias = self.qkv.bias.view(3, self.max_inner)[:, :inner]
        return weight.reshape(3 * inner, width), bias.reshape(3 * inner)

    def forward(self, x: Tensor, heads: int, hidden: int) -> Tensor:
        """Map (N, T, C) to the same shape."""
        width = x.shape[-1]
        qkv = F.linear(self.attention_norm(x), *self.active_qkv(width, heads))
        x = x + self.project(attention(qkv, heads), width)
        y: Tensor = self.reduce(F.gelu(self.expand(self.mlp_norm(x), hidden)), width)
        return x + y

    def extract(self, width: int, heads: int, hidden: int) -> StaticTransformerLayer:
        """Return the layer for fixed sizes, with layer norms folded."""
        return StaticTransformerLayer(
            qkv=self.attention_norm.fold(*self.active_qkv(width, heads)),
            project=self.project.extract(heads * self.head_channels, width),
            expand=self.expand.extract(width, hidden, after=self.mlp_norm),
            reduce=self.reduce.extract(hidden, width),
            heads=heads,
            eps=self.mlp_norm.eps,
        )


class StaticTransformerLayer(nn.Module):
    """A Transformer layer with fixed sizes; its layer norms have no affine part."""

    def __init__(self, *, heads: int, eps: float, **linears: nn.Linear) -> None:
        super().__init__()
        self.qkv, self.project = linears['qkv'], linears['project']
        self.expand, self.reduce = linears['expand'], linears['reduce']
        self.heads, self.eps = heads, eps

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, C) to the same shape."""
        norm = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        x = x + self.project(attention(self.qkv(norm), self.heads))
        norm = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        y: Tensor = self.reduce(F.gelu(self.expand(norm)))
        return x + y


def attention(qkv: Tensor, heads: int) -> Tensor:
    """Map queries, keys and values, (N, T, 3 * C) in this order, to (N, T, C).

    Scaled dot-product attention (arXiv 1706.03762, section 3.2).
    """
    n, tokens, channels = qkv.shape
    q, k, v = qkv.view(n, tokens, 3, heads, channels // (3 * heads)).permute(2, 0, 3, 1, 4)
    mixed = F.scaled_dot_product_attention(q, k, v)
    return mixed.transpose(1, 2).reshape(n, tokens, channels // 3)


def pool_sequence(x: Tensor, importance: Tensor) -> Tensor:
    """Average tokens (N, T, C) by the softmax of their importance (N, T, 1); return (N, C)."""
    return (importance.softmax(1).transpose(1, 2) @ x).squeeze(1)
