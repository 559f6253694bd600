# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The int8 sub-networks of a model folder: ``int8/SUBNET.onnx`` and their index ``int8/int8.yaml``.

Each is a kept sub-network, ``SUBNET-int8``, with the config of the float32 one from which it was
made and an accuracy measured through an engine. `dynofa quantize` writes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from dynofa_ros.atomic_file import write_text
from dynofa_ros.config_file import (
    Fraction,
    Positive,
    PositiveCount,
    Section,
    Text,
    checked,
    load_file,
)
from dynofa_ros.supernet.fingerprint import subnet_fingerprints
from dynofa_ros.supernet.subnet_record import ModelError, SubnetRecord
from dynofa_ros.supernet.supernet import Supernet

INT8 = 'int8'
"""The precision, the folder, and the suffix of the names of these sub-networks."""
SUFFIX = f'-{INT8}'
INDEX = f'{INT8}.yaml'


@checked(ModelError.of, kw_only=True)
class QuantizedSubnet:
    """One entry of ``int8.yaml``."""

    subnet_id: Text
    accuracy: Fraction
    """Top-1 on the test images, 0..1."""
    test_images: PositiveCount
    engine: Text
    engine_version: Text
    """The engine that ran the test images."""
    calibration_images: PositiveCount
    seed: int
    """Selects the calibration images."""
    sha256: Text
    """Of the ONNX file."""
    float_network: Text
    """Fingerprint of the float32 sub-network from which it was made."""
    temperature: Positive = 1.0
    """As that of :class:`SubnetRecord`."""

    @property
    def source(self) -> str:
        """Name of the float32 sub-network."""
        return self.subnet_id.removesuffix(SUFFIX)

    @property
    def file_name(self) -> str:
        """Name of the ONNX file in the folder ``int8``."""
        return f'{self.source}.onnx'


class _Index(Section):
    subnets: tuple[QuantizedSubnet, ...]


_INDEX = TypeAdapter(_Index)


def load_quantized(
    folder: Path, net: Supernet, kept: Sequence[SubnetRecord], left_out: Collection[str] = ()
) -> tuple[tuple[SubnetRecord, Path], ...]:
    """Return the int8 sub-networks of a model folder, each with its ONNX file.

    Those made from a sub-network in ``left_out`` are left out too.

    Raises:
        ModelError: naming the file that is missing, damaged, or made from other weights.
    """
    if not (folder / INT8).exists():
        return ()
    index = folder / INT8 / INDEX
    subnets = load_file(index, _INDEX, error=ModelError.of).subnets
    entries = [each for each in subnets if each.source not in left_out]
    sources = {each.subnet_id + SUFFIX: each for each in kept}
    names = [*(each.subnet_id for each in kept), *(each.subnet_id for each in entries)]
    for each in entries:
        if each.subnet_id not in sources:
            raise ModelError(
                f'{index}: subnet_id is {each.subnet_id!r}; expected one of {", ".join(sources)}'
            )
        if names.count(each.subnet_id) > 1:
            raise ModelError(f'{index}: subnet_id is {each.subnet_id!r}; expected a unique name')
    found = subnet_fingerprints(net, (sources[each.subnet_id].config for each in entries))
    pairs = []
    for each in entries:
        source, file = sources[each.subnet_id], index.with_name(each.file_name)
        _check_file(file, each, found[source.config])
        kept_int8 = quantized_subnet(source, each.accuracy, temperature=each.temperature)
        pairs.append((kept_int8, file))
    return tuple(pairs)


def quantized_subnet(
    source: SubnetRecord, accuracy: float, *, temperature: float = 1.0
) -> SubnetRecord:
    """Return the record of the int8 version of a kept sub-network."""
    return replace(
        source,
        subnet_id=source.subnet_id + SUFFIX,
        accuracy=accuracy,
        precision=INT8,
        temperature=temperature,
    )


def write_index(folder: Path, entries: Iterable[QuantizedSubnet]) -> None:
    """Write ``int8.yaml`` into a folder ``int8``; raises ValueError if it cannot be written."""
    document = {'subnets': [asdict(each) for each in entries]}
    write_text(folder / INDEX, yaml.safe_dump(document, sort_keys=False))


def write_temperatures(folder: Path, temperatures: Mapping[str, float]) -> None:
    """Write the temperatures of int8 sub-networks, by name, into the index of a model folder.

    Raises:
        ModelError: if the index cannot be read.
        ValueError: if it cannot be written.
    """
    entries = load_file(folder / INT8 / INDEX, _INDEX, error=ModelError.of).subnets
    changed = [
        replace(each, temperature=temperatures.get(each.subnet_id, each.temperature))
        for each in entries
    ]
    if changed != list(entries):
        write_index(folder / INT8, changed)


def _check_file(file: Path, entry: QuantizedSubnet, float_network: str) -> None:
    """Check that a file is the one that was measured, and made from the weights of the model."""
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f'{file} cannot be read: {error.strerror}') from error
    if found != entry.sha256:
        raise ModelError(f'{file}: SHA-256 is {found}; expected {entry.sha256} of {INDEX}')
    if entry.float_network != float_network:
        raise ModelError(
            f'{file}: fingerprint of its float32 sub-network is {entry.float_network}; expected '
            f'{float_network}: run dynofa quantize again, or remove the folder {INT8}'
        )
