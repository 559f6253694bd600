# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Compile sub-networks, keep a set of them resident, and switch between two frames."""

from dynofa_ros.engine.choose import AUTO, ENGINES, Chosen, choose_engine, create_engine
from dynofa_ros.engine.classifier import Classified, Classifier, Prediction, Prepared
from dynofa_ros.engine.compiled_cache import CompiledCache, default_cache
from dynofa_ros.engine.engine import CPU, GPU, Engine, EngineError, Place, Runner
from dynofa_ros.engine.mailbox import Mailbox, MailboxItem
from dynofa_ros.engine.measure import Measurement, measure
from dynofa_ros.engine.network import Network, networks
from dynofa_ros.engine.resident_set import Loader, ResidentSet, ResidentSubnet

__all__ = [
    'AUTO',
    'CPU',
    'ENGINES',
    'GPU',
    'Chosen',
    'Classified',
    'Classifier',
    'CompiledCache',
    'Engine',
    'EngineError',
    'Loader',
    'Mailbox',
    'MailboxItem',
    'Measurement',
    'Network',
    'Place',
    'Prediction',
    'Prepared',
    'ResidentSet',
    'ResidentSubnet',
    'Runner',
    'choose_engine',
    'create_engine',
    'default_cache',
    'measure',
    'networks',
]
