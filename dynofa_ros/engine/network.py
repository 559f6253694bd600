# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A sub-network as engines compile it: a plain module, or the bytes of an ONNX file."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from dynofa_ros.engine.compiled_cache import CompiledCache
from dynofa_ros.supernet.fingerprint import subnet_fingerprints
from dynofa_ros.supernet.model import Model, SubnetRecord
from dynofa_ros.supernet.quantized import INT8
from dynofa_ros.supernet.supernet import Supernet

INPUT, OUTPUT = 'image', 'logits'
"""Names in the ONNX file."""
FORMAT = 1
"""Version of the cached files."""


@dataclass(frozen=True, eq=False)
class Network:
    """One kept sub-network of a model, and the cache of its compiled forms."""

    kept: SubnetRecord
    net: Supernet
    cache: CompiledCache
    fingerprint: str
    """Digest of everything that determines the output of the float32 sub-network."""
    int8: Path | None = None
    """ONNX file of an int8 sub-network; None for a float32 one."""

    def __post_init__(self) -> None:
        """Raise ValueError unless exactly an int8 sub-network has an ONNX file."""
        if (self.kept.precision == INT8) != (self.int8 is not None):
            raise ValueError(
                f'ONNX file of {self.kept.subnet_id} is {self.int8}; expected '
                f'{"a file for int8" if self.int8 is None else "None for float32"}'
            )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the input, one image."""
        return (1, 3, self.kept.config.r, self.kept.config.r)

    @cached_property
    def key(self) -> str:
        """Digest of everything that determines the output; that of the file for int8.

        Raises:
            ValueError: if the file cannot be read.
        """
        if self.int8 is None:
            return self.fingerprint
        return _digest(_read(self.int8))

    def static(self) -> nn.Module:
        """Return the sub-network as a plain module.

        Raises:
            ValueError: for an int8 sub-network, which exists only as an ONNX file.
        """
        if self.int8 is not None:
            raise ValueError(
                f'precision of {self.kept.subnet_id} is int8; expected float32 for a plain module'
            )
        return self.net.extract_subnet(self.kept.config)

    def onnx(self) -> bytes:
        """Return an ONNX file with one input and one output, from the cache if possible.

        Raises:
            ValueError: if the file of an int8 sub-network cannot be read or has changed.
        """
        if self.int8 is not None:
            content = _read(self.int8)
            if _digest(content) != self.key:
                raise ValueError(f'{self.int8} has changed since the model was loaded')
            return content
        name = f'onnx-{FORMAT}-torch-{torch.__version__}/{self.key}.onnx'
        return self.cache.get(name, lambda: export_onnx(self.static(), self.shape))


def networks(model: Model, cache: CompiledCache) -> tuple[Network, ...]:
    """Return a model's kept sub-networks, cheapest first.

    Raises:
        ValueError: if the file of an int8 sub-network cannot be read.
    """
    fingerprints = subnet_fingerprints(model.net, (kept.config for kept in model.kept))
    found = tuple(
        Network(
            kept,
            model.net,
            cache,
            fingerprints[kept.config],
            model.quantized.get(kept.subnet_id),
        )
        for kept in model.kept
    )
    for each in found:
        _ = each.key  # cached, so that later changes of a file are detected
    return found


def export_onnx(static: nn.Module, shape: tuple[int, ...]) -> bytes:
    """Return a plain module as an ONNX file.

    ``dynamo=True`` would take ten times as long and need another package, for the same graph.
    """
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # deprecation of this exporter
        torch.onnx.export(
            static,
            (torch.zeros(shape),),
            file,  # type: ignore[arg-type]
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamo=False,
        )
    return file.getvalue()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ValueError(f'{file} cannot be read: {error.strerror}') from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
