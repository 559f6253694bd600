# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""All targets by name, and the share of the inputs that each gets."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

from fuzzing.target import Target

TESTS = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Entry:
    """Where a target is made, and its share of the inputs: cheap targets get most."""

    maker: str
    share: int


ENTRIES = {
    'manager_messages': Entry('node_messages:manager_node', 2000),
    'perception_messages': Entry('node_messages:perception_node', 800),
    'platform_messages': Entry('node_messages:platform_node', 1200),
    'linux_platform_messages': Entry('node_messages:linux_platform_node', 300),
    'parameters': Entry('node_parameters:parameters_target', 600),
    'parameter_file': Entry('node_parameters:parameter_file_target', 20),
    'raw_image': Entry('images:raw_image', 6000),
    'compressed_image': Entry('images:compressed_image', 4000),
    'platform_file': Entry('documents:platform_file', 250),
    'scenario_file': Entry('documents:scenario_file', 600),
    'networks_file': Entry('documents:networks_file', 400),
    'model_file': Entry('documents:model_file', 60),
    'profile_file': Entry('documents:profile_file', 600),
    'state_file': Entry('documents:state_file', 200),
    'training_log': Entry('documents:training_log', 500),
    'accuracy_rows': Entry('documents:accuracy_rows', 500),
    'subnet_config': Entry('documents:subnet_config', 400),
    'weights': Entry('archives:weights', 300),
    'training_checkpoint': Entry('archives:training_checkpoint', 100),
    'model_weights': Entry('archives:model_weights', 40),
    'image_tar': Entry('archives:image_tar', 300),
    'image_folder': Entry('archives:image_folder', 200),
    'compiled_cache': Entry('archives:compiled_cache', 230),
    'bag_mcap': Entry('recordings:bag_mcap', 200),
    'bag_sqlite': Entry('recordings:bag_sqlite', 100),
    'bag_metadata': Entry('recordings:bag_metadata', 50),
    'bag_topics': Entry('recordings:bag_topics', 50),
}


def make_target(name: str) -> Target:
    """Make a target, which imports and starts what it needs."""
    for folder in ('bags', 'platform/linux'):  # where their helper modules are
        if (path := str(TESTS / folder)) not in sys.path:
            sys.path.append(path)
    module_name, _, function = ENTRIES[name].maker.partition(':')
    module = importlib.import_module(f'fuzzing.{module_name}')
    made = getattr(module, function)
    return module.message_target(name, made) if module_name == 'node_messages' else made()


def shares(total: int, names: list[str]) -> dict[str, int]:
    """Divide a number of inputs among targets by their shares; each gets at least one."""
    whole = sum(ENTRIES[name].share for name in names)
    counts = {name: max(total * ENTRIES[name].share // whole, 1) for name in names}
    largest = max(names, key=lambda name: counts[name])
    counts[largest] += total - sum(counts.values())
    return counts
