# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A kept sub-network of a model, and the error of a model that does not fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, InstanceOf, WithJsonSchema

from dynofa_ros.config_file import Fault, Fraction, Positive, PositiveCount, Text, checked
from dynofa_ros.supernet.config import SubnetConfig


class ModelError(ValueError):
    """A model folder that is missing, damaged or does not fit together."""

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> ModelError:
        """Return the error of these faults, one line each."""
        return cls('\n'.join(map(str, faults)))


def _config(value: Any) -> Any:
    return SubnetConfig.from_dict(value) if isinstance(value, Mapping) else value


@checked(ModelError.of)
class SubnetRecord:
    """A kept sub-network, with its top-1 accuracy on the test images, 0..1."""

    subnet_id: Text
    config: Annotated[
        InstanceOf[SubnetConfig], BeforeValidator(_config), WithJsonSchema({'type': 'object'})
    ]
    accuracy: Fraction
    flops: PositiveCount
    parameters: PositiveCount
    layers: PositiveCount
    """Operations, parameters and layers as counted by :func:`dynofa_ros.supernet.cost.cost`."""
    precision: Annotated[
        str, Field(pattern='^(float32|int8)$', json_schema_extra={'enum': ['float32', 'int8']})
    ] = 'float32'
    """Of weights and activations."""
    temperature: Positive = 1.0
    """Divides the logits before the softmax, so that the scores are probabilities."""
