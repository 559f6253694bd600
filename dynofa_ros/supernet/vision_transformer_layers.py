"""Layers of the dynamic Vision Transformer; sizes come with each call, none is remembered.

Slicing follows AutoFormer's weight entanglement (arXiv 2107.00651, section 3.2).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import BatchNormMode, ElasticBatchNorm
from dynofa_ros.supernet.layers import ElasticConv, make_divisible


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


class TokenizerConv(nn.Module):
    """A 3x3 convolution over its first channels, batch norm, ReLU."""

    def __init__(self, max_in: int, max_out: int, stride: int) -> None:
        super().__init__()
        self.conv = ElasticConv(max_in, max_out, kernel_size=3, stride=stride)
        self.bn = ElasticBatchNorm(max_out)

    def forward(self, x: Tensor, out_channels: int, mode: BatchNormMode) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        return F.relu(self.bn(self.conv(x, out_channels), mode))


class ConvTokenizer(nn.Module):
    """Three convolutions that make one token of 4x4 pixels, as wide as the embedding."""

    strides = (1, 2, 2)
    stride = math.prod(strides)

    def __init__(self, max_width: int) -> None:
        super().__init__()
        channels = (3, *self.channels(max_width))
        self.convs = nn.ModuleList(
            TokenizerConv(channels[i], channels[i + 1], stride)
            for i, stride in enumerate(self.strides)
        )

    @staticmethod
    def channels(width: int) -> tuple[int, int, int]:
        """Output channels of each convolution: a third, two thirds, all of the width."""
        return make_divisible(width / 3), make_divisible(2 * width / 3), width

    def forward(self, x: Tensor, width: int, mode: BatchNormMode) -> Tensor:
        """Map (N, 3, r, r) to (N, width, r / 4, r / 4)."""
        for conv, channels in zip(self.convs, self.channels(width), strict=True):
            x = conv(x, channels, mode)
        return x


class TransformerLayer(nn.Module):
    """Multi-head self-attention and an MLP, each behind a layer norm and beside a shortcut."""

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
        """Return weight and bias that make queries, keys and values of the first heads."""
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
