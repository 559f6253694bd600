# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest

from dynofa_ros.engine import CPU, CompiledCache, Place, ResidentSet, create_engine, networks


@pytest.fixture(scope='session')
def small_networks(model, tmp_path_factory):
    """The small model's sub-networks with a cache shared by all tests."""
    return networks(model, CompiledCache(tmp_path_factory.mktemp('compiled')))


@pytest.fixture(scope='session')
def residents(small_networks):
    """The small model's sub-networks by name, resident on torch; tests must not change them."""
    residents = ResidentSet(small_networks, create_engine('torch'))
    return {
        each.kept.subnet_id: residents.load(each.kept.subnet_id, Place(CPU, 1))
        for each in small_networks
    }
