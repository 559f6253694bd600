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
"""Counts changes of what the files of the cache hold."""


@dataclass(frozen=True, eq=False)
class Network:
    """One kept sub-network of a model, and where what is compiled of it is kept."""

    kept: SubnetRecord
    net: Supernet
    cache: CompiledCache
    fingerprint: str
    """Changes when anything does that decides what the float32 sub-network computes."""
    int8: Path | None = None
    """The ONNX file of an int8 sub-network; None for a float32 one."""

    def __post_init__(self) -> None:
        """Raise ValueError for an int8 sub-network without a file, and for another with one."""
        if (self.kept.precision == INT8) != (self.int8 is not None):
            raise ValueError(
                f'{self.kept.subnet_id} is {self.kept.precision} and its file is {self.int8}; '
                'an int8 sub-network, and no other, is a file'
            )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of its input, one image."""
        return (1, 3, self.kept.config.r, self.kept.config.r)

    @cached_property
    def key(self) -> str:
        """Digest of all that decides what it computes; of an int8 one that of its file.

        Raises:
            ValueError: if that file cannot be read.
        """
        if self.int8 is None:
            return self.fingerprint
        return _digest(_read(self.int8))

    def static(self) -> nn.Module:
        """Extract it as a plain module.

        Raises:
            ValueError: for an int8 sub-network, which is an ONNX file alone.
        """
        if self.int8 is not None:
            raise ValueError(
                f'{self.kept.subnet_id} is int8: it is an ONNX file, and no plain module'
            )
        return self.net.extract_subnet(self.kept.config)

    def onnx(self) -> bytes:
        """Return it as an ONNX file of one input and one output, from the cache if it is there.

        Raises:
            ValueError: if the file of an int8 sub-network cannot be read, or changed.
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
        ValueError: if the file of an int8 one is gone.
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
        _ = each.key  # from here on a change of a file is noticed
    return found


def export_onnx(static: nn.Module, shape: tuple[int, ...]) -> bytes:
    """Write a plain module as an ONNX file.

    Not with ``dynamo=True``: it takes ten times as long and needs a package more, for the same
    graph.
    """
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that this exporter is the older one
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
