"""The int8 sub-networks of a model folder: ``int8/SUBNET.onnx`` each, and ``int8/int8.yaml``.

Each is a kept sub-network of its own, ``SUBNET-int8``, with the config of the float32 one that it
was made from and an accuracy measured through the engine that ran it. `dynofa quantize` writes
them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import yaml

from dynofa_ros.supernet.fingerprint import subnet_fingerprints
from dynofa_ros.supernet.subnet_record import ModelError, SubnetRecord
from dynofa_ros.supernet.supernet import Supernet

INT8 = 'int8'
"""The precision, the folder, and what the names of these sub-networks end with."""
SUFFIX = f'-{INT8}'
INDEX = f'{INT8}.yaml'


@dataclass(frozen=True)
class QuantizedSubnet:
    """One entry of ``int8.yaml``."""

    subnet_id: str
    accuracy: float
    """Top-1 on the test images, 0..1."""
    test_images: int
    engine: str
    engine_version: str
    """The engine that ran the test images."""
    calibration_images: int
    seed: int
    """Of the draw of the calibration images."""
    sha256: str
    """Of the ONNX file."""
    float_network: str
    """Fingerprint of the float32 sub-network that it was made from."""

    def __post_init__(self) -> None:
        """Refuse a name that is no int8 one, texts that are empty and counts below 1.

        Raises:
            ModelError: naming the sub-network, the field and the value.
        """
        if not isinstance(self.subnet_id, str) or not self.source:
            raise ModelError(f'subnet_id is {self.subnet_id!r}; it must be NAME{SUFFIX}')
        for name in ('engine', 'engine_version', 'sha256', 'float_network'):
            if not isinstance(value := getattr(self, name), str) or not value:
                raise ModelError(f'{self.subnet_id}: {name} is {value!r}; it must be a text')
        for name in ('test_images', 'calibration_images'):
            if not isinstance(value := getattr(self, name), int) or value < 1:
                raise ModelError(
                    f'{self.subnet_id}: {name} is {value!r}; it must be an integer above 0'
                )

    @property
    def source(self) -> str:
        """Name of the float32 sub-network; empty if this is not named after one."""
        return self.subnet_id[: -len(SUFFIX)] if self.subnet_id.endswith(SUFFIX) else ''

    @property
    def file_name(self) -> str:
        """Name of the ONNX file in the folder ``int8``."""
        return f'{self.source}.onnx'


def load_quantized(
    folder: Path, net: Supernet, kept: Sequence[SubnetRecord], left_out: Collection[str] = ()
) -> tuple[tuple[SubnetRecord, Path], ...]:
    """Return the int8 sub-networks of a model folder, each with its ONNX file.

    Those made from a sub-network that is left out are left out too.

    Raises:
        ModelError: naming the file that is missing, damaged, or made from other weights.
    """
    if not (folder / INT8).exists():
        return ()
    index = folder / INT8 / INDEX
    entries = [each for each in _entries(index) if each.source not in left_out]
    sources = {each.subnet_id: each for each in kept}
    names = [*sources, *(each.subnet_id for each in entries)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ModelError(f'{index} names sub-networks that there are already: {", ".join(twice)}')
    for each in entries:
        if each.source not in sources:
            raise ModelError(
                f'{index}: {each.subnet_id} is made from {each.source!r}; the model keeps: '
                f'{", ".join(sources)}'
            )
    found = subnet_fingerprints(net, (sources[each.source].config for each in entries))
    pairs = []
    for each in entries:
        source, file = sources[each.source], index.with_name(each.file_name)
        _check_file(file, each, found[source.config])
        pairs.append((quantized_subnet(source, each.accuracy), file))
    return tuple(pairs)


def quantized_subnet(source: SubnetRecord, accuracy: float) -> SubnetRecord:
    """Return the int8 one of a kept sub-network."""
    return replace(source, subnet_id=source.subnet_id + SUFFIX, accuracy=accuracy, precision=INT8)


def write_index(folder: Path, entries: Iterable[QuantizedSubnet]) -> None:
    """Write ``int8.yaml`` beside the ONNX files of a folder ``int8``."""
    document = {'subnets': [asdict(each) for each in entries]}
    (folder / INDEX).write_text(yaml.safe_dump(document, sort_keys=False))


def _entries(index: Path) -> list[QuantizedSubnet]:
    try:
        document = yaml.safe_load(index.read_text())
        entries = [QuantizedSubnet(**entry) for entry in document['subnets']]
        for each in entries:
            if not 0 <= each.accuracy <= 1:
                raise ModelError(
                    f'{each.subnet_id}: accuracy is {each.accuracy}; it must be in 0..1'
                )
    except OSError as error:
        raise ModelError(f'{index} cannot be read: {error.strerror}') from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f'{index} is damaged: {error!r}') from error
    return entries


def _check_file(file: Path, entry: QuantizedSubnet, float_network: str) -> None:
    """Refuse a file that is not the one that was measured, or not of these weights."""
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f'{file} cannot be read: {error.strerror}') from error
    if found != entry.sha256:
        raise ModelError(
            f'{file} is damaged: it has SHA-256 {found}; {INDEX} was written for {entry.sha256}'
        )
    if entry.float_network != float_network:
        raise ModelError(
            f'{file} was made from other weights (fingerprint {entry.float_network}) than '
            f'{entry.source} has ({float_network}): run dynofa quantize again, or remove the '
            f'folder {INT8}'
        )
