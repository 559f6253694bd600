# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A trained model on disk: weights, class labels, and the sub-networks worth running.

A model is a folder: ``model.yaml`` holds the architecture, the labels and the kept sub-networks
with their measured accuracy; ``weights.pt`` holds the supernet's weights and the batch norm
statistics of each kept sub-network; ``README.md`` is the model card. A fingerprint ties them
together. ``image_record.py`` describes what it states about the images of the training. If the
weights come from Python packages, ``model.yaml`` lists the packages and their checksums instead.
The optional folder ``int8`` holds int8 sub-networks: see ``quantized.py``. `dynofa cascade` adds
the temperatures of the sub-networks, cascades (``cascade_record.py``) and their table of scores,
``scores.npz``: see docs/cascades.md.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import yaml
from pydantic import BeforeValidator, TypeAdapter
from torch import Tensor

from dynofa_ros.atomic_file import atomic_write, write_text
from dynofa_ros.config_file import MISSING, ConfigError, Section, Text, load_file
from dynofa_ros.share import share_path, share_roots
from dynofa_ros.supernet.architecture import ArchitectureSection, architecture_of
from dynofa_ros.supernet.cascade_record import (
    REMEDY,
    CascadeRecord,
    checked_cascades,
    score_fingerprints,
)
from dynofa_ros.supernet.checkpoint import not_finite
from dynofa_ros.supernet.efficientnet_lite import EfficientNetLite
from dynofa_ros.supernet.efficientnet_lite_weights import WeightPackage, load_packages
from dynofa_ros.supernet.fingerprint import (
    fingerprint,
    statistics_fingerprint,
    subnet_fingerprints,
)
from dynofa_ros.supernet.image_record import ImageRecord
from dynofa_ros.supernet.quantized import INT8, SUFFIX, load_quantized, write_temperatures
from dynofa_ros.supernet.subnet_record import ModelError, SubnetRecord
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.zoo import create_supernet

SCORES = 'scores.npz'
"""Name of the table of scores: see `profiles.score_table`."""

__all__ = ['Model', 'ModelError', 'SubnetRecord', 'fingerprint', 'load_model', 'save_model']


@dataclass(frozen=True)
class Model:
    """A supernet with trained weights, its labels and its kept sub-networks by ascending FLOPs."""

    name: str
    net: Supernet
    labels: tuple[str, ...]
    kept: tuple[SubnetRecord, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Sub-networks whose weights are not installed, each with a remedy."""
    quantized: Mapping[str, Path] = field(default_factory=dict)
    """The ONNX file of each int8 sub-network, by its name."""
    data: ImageRecord | None = None
    """The images of the training, if the folder states them."""
    cascades: tuple[CascadeRecord, ...] = ()
    """Those whose stages are all in ``kept``; the others are in ``left_out``."""

    def keys(self) -> dict[str, str]:
        """Return 16 hex digits of all that determines the logits of each kept sub-network.

        Raises:
            ModelError: if the file of an int8 sub-network cannot be read.
        """
        return _keys(self.net, self.kept, self.quantized)

    def subnet(self, subnet_id: str) -> SubnetRecord:
        """Return the kept sub-network of this name.

        Raises:
            ModelError: for an unknown name, with the known names.
        """
        for kept in self.kept:
            if kept.subnet_id == subnet_id:
                return kept
        if (remedy := self.left_out.get(subnet_id.removesuffix(SUFFIX))) is not None:
            raise ModelError(f'sub-network is {subnet_id!r}; {remedy}')
        known = ', '.join(kept.subnet_id for kept in self.kept)
        raise ModelError(f'sub-network is {subnet_id!r}; expected one of {known}')


def save_model(folder: Path, model: Model, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Write ``weights.pt`` (float16) and ``model.yaml``, the latter with ``facts`` unchanged.

    Int8 sub-networks of a previous model in the folder are removed, because their weights differ.
    So are cascades and their table of scores; return the names of these cascades and of those of
    the model, which are not written either. `dynofa cascade` makes new ones.

    Raises:
        ModelError: if a kept sub-network lacks batch norm statistics, or is int8; if a weight is
            not finite in half precision; if the architecture is of no known family.
    """
    try:
        network = architecture_of(model.net).to_dict()
    except ValueError as error:
        raise ModelError(f'{model.name}: {error}') from error
    for each in model.kept:
        if each.precision == INT8:
            raise ModelError(
                f'{each.subnet_id}: precision is int8; expected float32, because dynofa quantize '
                'adds the int8 sub-networks'
            )
    dropped = dict.fromkeys((*_cascade_ids(folder), *(each.cascade_id for each in model.cascades)))
    folder.mkdir(parents=True, exist_ok=True)
    weights = half_precision(model.net.state_dict())
    if problem := not_finite(weights):  # in half precision, infinity starts at 65,520
        raise ModelError(f'{model.name}: {problem}')
    statistics = {}
    for each in model.kept if model.net.shares_batch_norm else ():
        if each.config not in model.net.statistics:
            raise ModelError(f'{each.subnet_id} has no batch norm statistics; calibrate it first')
        statistics[each.subnet_id] = {
            'fingerprint': statistics_fingerprint(fingerprint(weights), each.config),
            'values': dict(model.net.statistics[each.config]),
        }
    if (folder / INT8).exists():
        shutil.rmtree(folder / INT8)
    (folder / SCORES).unlink(missing_ok=True)
    with atomic_write(folder / 'weights.pt') as partial:
        torch.save({'state_dict': weights, 'statistics': statistics}, partial)
    document = {
        'supernet': model.net.spec.name,
        'network': network,
        'fingerprint': fingerprint(weights),
        'labels': list(model.labels),
        'facts': dict(facts),
        **({} if model.data is None else {'data': asdict(model.data)}),
        'subnets': [asdict(k) | {'config': k.config.to_dict()} for k in model.kept],
    }
    _write_document(folder, document)
    return tuple(dropped)


def _write_document(folder: Path, document: Mapping[str, Any]) -> None:
    text = yaml.safe_dump(dict(document), sort_keys=False, default_flow_style=None, width=100)
    write_text(folder / 'model.yaml', text)


def _cascade_ids(folder: Path) -> list[str]:
    """Return the names of the cascades of a model folder; none if it cannot be read."""
    try:
        document = load_file(folder / 'model.yaml', _DOCUMENT, error=ModelError.of)
    except ModelError:
        return []
    return [each.cascade_id for each in document.cascades]


def save_cascades(
    folder: Path,
    *,
    temperatures: Mapping[str, float],
    cascades: Sequence[CascadeRecord],
    scores: bytes | None,
) -> None:
    """Write temperatures, cascades and their table of scores into a model folder.

    ``temperatures`` are those of sub-networks, by name; others keep theirs. ``scores`` is the
    content of ``scores.npz``. Whenever it is interrupted, the folder can be loaded.

    Raises:
        ModelError: if ``model.yaml`` or the index of the int8 sub-networks cannot be read.
        ValueError: if a file cannot be written.
    """
    file = folder / 'model.yaml'
    load_file(file, _DOCUMENT, error=ModelError.of)
    document = yaml.safe_load(file.read_text(encoding='utf-8'))
    document = {key: document[key] for key in document if key not in ('cascades', 'scores_sha256')}
    (folder / SCORES).unlink(missing_ok=True)
    if (folder / INT8).exists():
        # Cascades with int8 stages would not fit to their new temperatures.
        _write_document(folder, document)
        write_temperatures(folder, temperatures)
    for subnet in document['subnets']:
        if subnet['subnet_id'] in temperatures:
            subnet['temperature'] = temperatures[subnet['subnet_id']]
    if cascades:
        document['cascades'] = [_plain(asdict(each)) for each in cascades]
    if scores is not None:
        document['scores_sha256'] = hashlib.sha256(scores).hexdigest()
    _write_document(folder, document)
    if scores is not None:
        with atomic_write(folder / SCORES) as partial:
            partial.write_bytes(scores)


def drop_cascades(folder: Path, stages: Collection[str]) -> tuple[str, ...]:
    """Remove the cascades with one of these stages, whose scores changed; return their names.

    Raises as :func:`save_cascades` does.
    """
    file = folder / 'model.yaml'
    cascades = load_file(file, _DOCUMENT, error=ModelError.of).cascades
    dropped = [each.cascade_id for each in cascades if not set(stages).isdisjoint(each.stages)]
    if dropped:
        document = yaml.safe_load(file.read_text(encoding='utf-8'))
        remaining = [each for each in document['cascades'] if each['cascade_id'] not in dropped]
        _write_document(folder, document | {'cascades': remaining})
    return tuple(dropped)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: [*value] if isinstance(value, tuple) else value for key, value in values.items()}


def half_precision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights as they are stored: float16; counters of batch norm stay integers."""
    return {
        name: value.half() if value.is_floating_point() else value for name, value in state.items()
    }


class _Document(Section):
    """The file ``model.yaml``."""

    supernet: Text
    fingerprint: Text = ''
    network: ArchitectureSection | None = None
    """Missing in a folder of before it was written; then ``supernet`` names a known one."""
    labels: tuple[Annotated[str, BeforeValidator(str)], ...]
    facts: Any = None
    data: ImageRecord | None = None
    subnets: tuple[SubnetRecord, ...]
    packages: tuple[WeightPackage, ...] = ()
    cascades: tuple[CascadeRecord, ...] = ()
    scores_sha256: str = ''

    def model_post_init(self, _: object) -> None:
        """Raise ConfigError without a fingerprint of ``weights.pt``."""
        if not self.fingerprint and not self.packages:
            raise ConfigError(field='fingerprint', value=MISSING, expected='a text')


_DOCUMENT = TypeAdapter(_Document)


def load_model(name_or_path: str, *, quantized: bool = True, cascades: bool = True) -> Model:
    """Load a model by name (a folder of ``models/``) or by the path of its folder.

    Without ``quantized``, int8 sub-networks are ignored, even if they are damaged; without
    ``cascades``, cascades are.

    Raises:
        ModelError: with the missing or damaged file, and all faults of ``model.yaml``.
    """
    folder = model_folder(name_or_path)
    file = folder / 'model.yaml'
    document = load_file(file, _DOCUMENT, error=ModelError.of)
    labels, kept, packages = document.labels, document.subnets, document.packages
    try:
        if document.network is None:
            net = create_supernet(document.supernet)
        else:
            net = document.network.build(document.supernet)
        for each in kept:
            net.space.validate(each.config)
    except ValueError as error:
        raise ModelError(f'{file}: {error}') from error
    left_out = {}
    if packages:
        left_out = _load_packages(file, net, kept, packages)
        kept = tuple(each for each in kept if each.subnet_id not in left_out)
    if len(labels) != net.spec.classes:
        raise ModelError(
            f'{file}: labels has {len(labels)} entries; expected {net.spec.classes} for '
            f'{net.spec.name}'
        )
    if not packages:
        _load_weights(folder / 'weights.pt', net, kept, document.fingerprint)
    _check(file, kept)
    int8 = load_quantized(folder, net, kept, left_out) if quantized else ()
    kept = (*(subnet for subnet, _ in int8), *kept)  # first among equal FLOPs, as int8 is cheaper
    kept = tuple(sorted(kept, key=lambda k: k.flops))
    onnx = {subnet.subnet_id: path for subnet, path in int8}
    usable: tuple[CascadeRecord, ...] = ()
    if cascades and document.cascades:
        scores = score_fingerprints(_keys(net, kept, onnx), kept, labels)
        usable, remedies = checked_cascades(file, document.cascades, kept, left_out, scores)
        left_out |= remedies
        _check_scores(folder / SCORES, document.scores_sha256)
    name = folder.resolve().name
    return Model(name, net.eval(), labels, kept, left_out, onnx, document.data, usable)


def _keys(
    net: Supernet, kept: Sequence[SubnetRecord], quantized: Mapping[str, Path]
) -> dict[str, str]:
    """Return what `Model.keys` does; `engine.Network.key` is the same."""
    found = subnet_fingerprints(net, {each.config: None for each in kept})
    keys = {each.subnet_id: found[each.config] for each in kept}
    for subnet_id, file in quantized.items():
        try:
            keys[subnet_id] = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        except OSError as error:
            raise ModelError(f'{file} cannot be read: {error.strerror}') from error
    return keys


def _check_scores(file: Path, expected: str) -> None:
    """Check that a table of scores, if there is one, is that of the cascades."""
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return  # only the simulator needs it
    except OSError as error:
        raise ModelError(f'{file} cannot be read: {error.strerror}') from error
    if found != expected:
        raise ModelError(
            f'{file}: SHA-256 is {found}; expected {expected or MISSING} of model.yaml: it does '
            f'not belong to its cascades; {REMEDY}'
        )


def model_folder(name_or_path: str) -> Path:
    """Return the folder of a model, from its path or its name.

    Raises:
        ModelError: if there is none, with the known names.
    """
    path = Path(name_or_path).expanduser()
    if name_or_path and path.is_dir():
        return path
    files = [file for root in share_roots() for file in root.glob('models/*/model.yaml')]
    known = {file.parent.name for file in files}
    if name_or_path in known:
        return share_path(f'models/{name_or_path}')
    listed = ', '.join(sorted(known)) or 'none is installed'
    raise ModelError(f'model is {name_or_path!r}; expected a folder, or one of: {listed}')


def _load_weights(file: Path, net: Supernet, kept: tuple[SubnetRecord, ...], expected: str) -> None:
    if not file.is_file():
        raise ModelError(f'{file} does not exist or is not a regular file')
    try:
        with zipfile.ZipFile(file) as archive:
            # Values are stored as they are, so that the file cannot expand in memory.
            if any(each.compress_type != zipfile.ZIP_STORED for each in archive.infolist()):
                raise ValueError(
                    'its values are compressed; expected them as torch.save writes them'
                )
            # torch.load ignores the checksums, and the statistics have no fingerprint.
            if (member := archive.testzip()) is not None:
                raise ValueError(f'the checksum of {member} is wrong')
        stored = torch.load(file, weights_only=True, map_location='cpu')
        weights, statistics = stored['state_dict'], stored['statistics']
        _check_shapes(weights, net.state_dict())
        for each in statistics.values():
            _ = each['fingerprint'], each['values'].items()
        found = fingerprint(weights)
        net.load_state_dict({name: value.float() for name, value in weights.items()})
    except Exception as error:  # torch.load raises whatever the damage makes of the file
        first_line = str(error).splitlines()[0] if str(error) else ''
        raise ModelError(f'{file} is damaged: {type(error).__name__} {first_line}') from error
    if problem := not_finite(weights):
        raise ModelError(f'{file}: {problem}')
    if found != expected:
        raise ModelError(
            f'{file}: fingerprint is {found}; expected {expected} of model.yaml: they are from '
            'different trainings'
        )
    for subnet in kept if net.shares_batch_norm else ():
        if subnet.subnet_id not in statistics:
            raise ModelError(f'{file} has no batch norm statistics for {subnet.subnet_id}')
        measured = statistics[subnet.subnet_id]
        if measured['fingerprint'] != statistics_fingerprint(found, subnet.config):
            raise ModelError(
                f'{file} has batch norm statistics for {subnet.subnet_id} that were measured with '
                'other weights or another config: calibrate it again'
            )
        try:
            net.set_statistics(subnet.config, measured['values'])
        except ValueError as error:
            raise ModelError(f'{file}: {subnet.subnet_id}: {error}') from error


def _check_shapes(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise ValueError for a shape that differs: a few bytes can claim to be a huge tensor."""
    for name in weights.keys() & expected.keys():
        if weights[name].shape != expected[name].shape:
            raise ValueError(
                f'shape of {name} is {tuple(weights[name].shape)}; expected '
                f'{tuple(expected[name].shape)}'
            )
    if unknown := sorted(weights.keys() - expected.keys()):
        raise ValueError(f'{unknown[0]} is not a weight of this supernet')


def _load_packages(
    file: Path, net: Supernet, kept: tuple[SubnetRecord, ...], packages: tuple[WeightPackage, ...]
) -> dict[str, str]:
    """Load the installed weights; return the remedy of each sub-network without weights."""
    if not isinstance(net, EfficientNetLite):
        raise ModelError(
            f'{file}: packages are listed; expected none, because {net.spec.name} has weights.pt'
        )
    try:
        load_packages(net, packages)
    except ValueError as error:
        raise ModelError(f'{file}: {error}') from error
    remedies = dict(net.spec.space.left_out)
    return {
        each.subnet_id: remedies[int(each.config.v[0])]
        for each in kept
        if each.config.v[0] in remedies
    }


def _check(file: Path, kept: tuple[SubnetRecord, ...]) -> None:
    if not kept:
        raise ModelError(f'{file}: subnets is []; expected at least one')
    for each in kept:
        if each.precision == INT8:
            raise ModelError(
                f'{file}: {each.subnet_id}: precision is int8; expected float32, because int8 '
                f'sub-networks are listed in {file.with_name(INT8)}'
            )
    names = [each.subnet_id for each in kept]
    if len(set(names)) < len(names):
        raise ModelError(f'{file}: subnets is {", ".join(names)}; expected each name once')
