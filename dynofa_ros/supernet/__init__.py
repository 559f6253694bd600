# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Elastic networks: one set of weights that holds thousands of sub-networks."""

from dynofa_ros.supernet.config import SubnetConfig, SubnetConfigError
from dynofa_ros.supernet.model import Model, ModelError, SubnetRecord, load_model
from dynofa_ros.supernet.official_weights import weights_path
from dynofa_ros.supernet.search_space import SearchSpace
from dynofa_ros.supernet.zoo import create_supernet

__all__ = [
    'Model',
    'ModelError',
    'SearchSpace',
    'SubnetConfig',
    'SubnetConfigError',
    'SubnetRecord',
    'create_supernet',
    'load_model',
    'weights_path',
]
