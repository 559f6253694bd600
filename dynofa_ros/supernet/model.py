"""A trained model on disk: weights, class labels, and the sub-networks worth running.

A model is a folder: ``model.yaml`` lists labels and kept sub-networks with their measured
accuracy; ``weights.pt`` holds the supernet's weights and each kept sub-network's batch norm
statistics; ``README.md`` is the model card. A fingerprint ties them together. Where the
weights come from Python packages, ``model.yaml`` names those and their checksums instead. The
folder ``int8``, where there is one, holds int8 sub-networks: see ``quantized.py``.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import yaml
from pydantic import BeforeValidator, TypeAdapter

from dynofa_ros.config_file import MISSING, ConfigError, Section, Text, load_file
from dynofa_ros.share import share_path, share_roots
from dynofa_ros.supernet.efficientnet_lite import EfficientNetLite
from dynofa_ros.supernet.efficientnet_lite_weights import WeightPackage, load_packages
from dynofa_ros.supernet.fingerprint import fingerprint, statistics_fingerprint
from dynofa_ros.supernet.quantized import INT8, SUFFIX, load_quantized
from dynofa_ros.supernet.subnet_record import ModelError, SubnetRecord
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.zoo import create_supernet

__all__ = ['Model', 'ModelError', 'SubnetRecord', 'fingerprint', 'load_model', 'save_model']


@dataclass(frozen=True)
class Model:
    """A supernet with trained weights, its labels and its kept sub-networks, cheapest first."""

    name: str
    net: Supernet
    labels: tuple[str, ...]
    kept: tuple[SubnetRecord, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Sub-networks that cannot run because weights are not installed, each with the remedy."""
    quantized: Mapping[str, Path] = field(default_factory=dict)
    """The ONNX file of each int8 sub-network, by its name."""

    def subnet(self, subnet_id: str) -> SubnetRecord:
        """Return the kept sub-network of this name.

        Raises:
            ModelError: if there is none, listing those there are.
        """
        for kept in self.kept:
            if kept.subnet_id == subnet_id:
                return kept
        if (remedy := self.left_out.get(subnet_id.removesuffix(SUFFIX))) is not None:
            raise ModelError(f'sub-network is {subnet_id!r}; {remedy}')
        known = ', '.join(kept.subnet_id for kept in self.kept)
        raise ModelError(f'sub-network is {subnet_id!r}; {self.name} keeps: {known}')


def save_model(folder: Path, model: Model, facts: Mapping[str, Any]) -> None:
    """Write ``weights.pt`` (float16) and ``model.yaml``; ``facts`` goes into the latter as is.

    Int8 sub-networks of a model that was in the folder before go: they are of other weights.

    Raises:
        ModelError: if a kept sub-network needs batch norm statistics and has none, or is int8.
    """
    for each in model.kept:
        if each.precision == INT8:
            raise ModelError(
                f'{each.subnet_id} is int8; a model is saved with its float32 sub-networks alone, '
                'and dynofa quantize makes int8 ones of them'
            )
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half() for name, value in model.net.state_dict().items()}
    statistics = {}
    for each in model.kept if model.net.shares_batch_norm else ():
        if each.config not in model.net.statistics:
            raise ModelError(f'{each.subnet_id} has no batch norm statistics: calibrate it first')
        statistics[each.subnet_id] = {
            'fingerprint': statistics_fingerprint(fingerprint(weights), each.config),
            'values': dict(model.net.statistics[each.config]),
        }
    if (folder / INT8).exists():
        shutil.rmtree(folder / INT8)
    torch.save({'state_dict': weights, 'statistics': statistics}, folder / 'weights.pt')
    document = {
        'supernet': model.net.spec.name,
        'fingerprint': fingerprint(weights),
        'labels': list(model.labels),
        'facts': dict(facts),
        'subnets': [asdict(k) | {'config': k.config.to_dict()} for k in model.kept],
    }
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=100)
    (folder / 'model.yaml').write_text(text)


class _Document(Section):
    """The file ``model.yaml``."""

    supernet: Text
    fingerprint: Text = ''
    labels: tuple[Annotated[str, BeforeValidator(str)], ...]
    facts: Any = None
    subnets: tuple[SubnetRecord, ...]
    packages: tuple[WeightPackage, ...] = ()

    def model_post_init(self, _: object) -> None:
        """Raise ConfigError without a fingerprint of ``weights.pt``."""
        if not self.fingerprint and not self.packages:
            raise ConfigError(field='fingerprint', value=MISSING, expected='a text')


_DOCUMENT = TypeAdapter(_Document)


def load_model(name_or_path: str, *, quantized: bool = True) -> Model:
    """Load a model by name (a folder of ``models/``) or by the path of its folder.

    Without ``quantized``, int8 sub-networks are not looked at, and may be damaged.

    Raises:
        ModelError: naming the file that is missing or damaged, and what is wrong with it.
    """
    folder = model_folder(name_or_path)
    document = load_file(folder / 'model.yaml', _DOCUMENT, error=ModelError.of)
    labels, kept, packages = document.labels, document.subnets, document.packages
    try:
        net = create_supernet(document.supernet)
        for each in kept:
            net.space.validate(each.config)
    except ValueError as error:
        raise ModelError(f'{folder / "model.yaml"}: {error}') from error
    left_out = {}
    if packages:
        left_out = _load_packages(folder / 'model.yaml', net, kept, packages)
        kept = tuple(each for each in kept if each.subnet_id not in left_out)
    else:
        _load_weights(folder / 'weights.pt', net, kept, document.fingerprint)
    _check(folder, net, labels, kept)
    int8 = load_quantized(folder, net, kept, left_out) if quantized else ()
    kept = (*(subnet for subnet, _ in int8), *kept)  # of equal operations int8 is the cheaper
    kept = tuple(sorted(kept, key=lambda k: k.flops))
    files = {subnet.subnet_id: file for subnet, file in int8}
    return Model(folder.resolve().name, net.eval(), labels, kept, left_out, files)


def model_folder(name_or_path: str) -> Path:
    """Return the folder of a model: its path, or a name that is known.

    Raises:
        ModelError: if there is none, listing the names that are known.
    """
    path = Path(name_or_path).expanduser()
    if name_or_path and path.is_dir():
        return path
    files = [file for root in share_roots() for file in root.glob('models/*/model.yaml')]
    known = {file.parent.name for file in files}
    if name_or_path in known:
        return share_path(f'models/{name_or_path}')
    listed = ', '.join(sorted(known)) or 'none is installed'
    raise ModelError(f'model {name_or_path!r} is no folder; known by name: {listed}')


def _load_weights(file: Path, net: Supernet, kept: tuple[SubnetRecord, ...], expected: str) -> None:
    if not file.exists():
        raise ModelError(f'{file} does not exist')
    try:
        with zipfile.ZipFile(file) as archive:
            # torch.load does not look at the checksums, and the statistics have no fingerprint.
            if (member := archive.testzip()) is not None:
                raise ValueError(f'the checksum of {member} is wrong')
        stored = torch.load(file, weights_only=True, map_location='cpu')
        weights, statistics = stored['state_dict'], stored['statistics']
        found = fingerprint(weights)
        net.load_state_dict({name: value.float() for name, value in weights.items()})
    except Exception as error:  # torch.load raises whatever the damage makes of the file
        first_line = str(error).splitlines()[0] if str(error) else ''
        raise ModelError(f'{file} is damaged: {type(error).__name__} {first_line}') from error
    if found != expected:
        raise ModelError(
            f'{file} has fingerprint {found}; model.yaml was written for {expected}: '
            'they are of two different trainings'
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
        net.set_statistics(subnet.config, measured['values'])


def _load_packages(
    file: Path, net: Supernet, kept: tuple[SubnetRecord, ...], packages: tuple[WeightPackage, ...]
) -> dict[str, str]:
    """Load the weights that are installed; return what the other sub-networks need."""
    if not isinstance(net, EfficientNetLite):
        raise ModelError(
            f'{file} has packages; the weights of {net.spec.name} do not come from packages'
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


def _check(
    folder: Path, net: Supernet, labels: tuple[str, ...], kept: tuple[SubnetRecord, ...]
) -> None:
    if len(labels) != net.spec.classes:
        raise ModelError(
            f'{folder / "model.yaml"} has {len(labels)} labels; {net.spec.name} has '
            f'{net.spec.classes} classes'
        )
    if not kept:
        raise ModelError(f'{folder / "model.yaml"} keeps no sub-network')
    for each in kept:
        if each.precision == INT8:
            raise ModelError(
                f'{folder / "model.yaml"}: {each.subnet_id} has the precision int8; such '
                f'sub-networks stand in {folder / INT8}'
            )
    names = [each.subnet_id for each in kept]
    if len(set(names)) < len(names):
        raise ModelError(f'{folder / "model.yaml"} names a sub-network twice: {", ".join(names)}')
