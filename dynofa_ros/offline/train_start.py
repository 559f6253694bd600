"""What a training run starts from: earlier weights, and the sub-network to train alone."""

from __future__ import annotations

import json
from pathlib import Path

from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.model import load_model
from dynofa_ros.supernet.supernet import Supernet


def first_weights(net: Supernet, source: str) -> None:
    """Load weights from a checkpoint file, or from a model: its name or its folder.

    Raises:
        ValueError: if the file does not fit, or the model is of another supernet.
    """
    if Path(source).is_file():
        net.load_checkpoint(source)
        return
    model = load_model(source)
    if model.net.spec.name != net.spec.name:
        raise ValueError(
            f'initial weights {source} are of {model.net.spec.name}; {net.spec.name} is trained'
        )
    net.load_state_dict(model.net.state_dict())


def lone_subnet(net: Supernet, source: str) -> SubnetConfig:
    """Return the sub-network of ``CONFIG.json`` or ``SUBNET_ID@MODEL``, in canonical form.

    Raises:
        ValueError: if there is none, or the supernet does not contain it.
    """
    subnet_id, at, model = source.rpartition('@')
    if at and not Path(source).is_file():
        return net.space.canonical(load_model(model).subnet(subnet_id).config)
    return net.space.canonical(read_config(Path(source)))


def read_config(path: Path) -> SubnetConfig:
    """Read a sub-network's config from a JSON file.

    Raises:
        ValueError: naming the file, and what is wrong with it.
    """
    try:
        return SubnetConfig.from_dict(json.loads(path.read_text()))
    except OSError as error:
        raise ValueError(f'{path} cannot be read: {error.strerror}') from error
    except ValueError as error:
        raise ValueError(f'{path} holds no sub-network config: {error}') from error
