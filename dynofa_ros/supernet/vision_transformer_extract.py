"""Take one sub-network out of a dynamic Vision Transformer as a plain network of its own.

Batch norm is folded into the convolution before it, the affine part of layer norm into the linear
layer after it, and the position embedding is interpolated once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynofa_ros.supernet.batch_norm import StoredStatistics
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.extract import fold
from dynofa_ros.supernet.vision_transformer_layers import (
    ConvTokenizer,
    ElasticLayerNorm,
    TokenizerConv,
    TransformerLayer,
    attention,
    pool_sequence,
)

if TYPE_CHECKING:
    from dynofa_ros.supernet.vision_transformer import VisionTransformer


class StaticLayer(nn.Module):
    """A Transformer layer without choices."""

    def __init__(self, linears: dict[str, nn.Linear], *, heads: int, eps: float) -> None:
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


class StaticTransformer(nn.Module):
    """One sub-network: (N, 3, r, r) float32 to logits, (N, classes)."""

    position: Tensor

    def __init__(
        self,
        tokenizer: nn.Sequential,
        position: Tensor,
        layers: nn.Sequential,
        *,
        pool: nn.Linear,
        classifier: nn.Linear,
        eps: float,
    ) -> None:
        super().__init__()
        self.tokenizer, self.layers = tokenizer, layers
        self.pool, self.classifier, self.eps = pool, classifier, eps
        self.position = nn.Parameter(position, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Run the sub-network."""
        x = self.tokenizer(x).flatten(2).transpose(1, 2) + self.position
        x = self.layers(x)
        x = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        logits: Tensor = self.classifier(pool_sequence(x, self.pool(x)))
        return logits


@torch.no_grad()
def extract_transformer(net: VisionTransformer, config: SubnetConfig) -> StaticTransformer:
    """Return a sub-network with weights of its own, in evaluation mode.

    Raises:
        SubnetConfigError: if the config is not of the supernet's space.
    """
    config = net.space.canonical(config)
    width = int(config.w[0])
    layers = [_static_layer(*each, width) for each in net.active_layers(config)]
    # The weights of sequence pooling sum to 1, so the last norm folds into the classifier too.
    return StaticTransformer(
        _static_tokenizer(net.tokenizer, width, net.stored(config)),
        net.position_embedding(width, config.r).flatten(2).transpose(1, 2).clone(),
        nn.Sequential(*layers),
        pool=_linear(*_behind(net.norm, *net.pool.active(width, 1))),
        classifier=_linear(*_behind(net.norm, *net.classifier.active(width, net.spec.classes))),
        eps=net.norm.eps,
    ).eval()


def _static_tokenizer(
    tokenizer: ConvTokenizer, width: int, mode: StoredStatistics
) -> nn.Sequential:
    modules: list[nn.Module] = []
    before = 3
    for layer, channels in zip(tokenizer.convs, tokenizer.channels(width), strict=True):
        assert isinstance(layer, TokenizerConv)
        weight = layer.conv.active_weight(before, channels)
        modules += [fold(weight, layer.bn, mode, stride=layer.conv.stride), nn.ReLU()]
        before = channels
    return nn.Sequential(*modules)


def _static_layer(layer: TransformerLayer, heads: int, hidden: int, width: int) -> StaticLayer:
    inner = heads * layer.head_channels
    linears = {
        'qkv': _linear(*_behind(layer.attention_norm, *layer.active_qkv(width, heads))),
        'project': _linear(*layer.project.active(inner, width)),
        'expand': _linear(*_behind(layer.mlp_norm, *layer.expand.active(width, hidden))),
        'reduce': _linear(*layer.reduce.active(hidden, width)),
    }
    return StaticLayer(linears, heads=heads, eps=layer.mlp_norm.eps)


def _behind(norm: ElasticLayerNorm, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the linear layer that does the affine part of the norm before it as well."""
    n = weight.shape[1]
    return weight * norm.weight[:n], bias + weight @ norm.bias[:n]


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    static = nn.Linear(weight.shape[1], weight.shape[0], device='meta')
    static.weight, static.bias = _own(weight), _own(bias)
    return static


def _own(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.detach().clone(), requires_grad=False)
