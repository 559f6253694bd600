"""Benchmarks are scripts that import each other from their own folder."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / 'benchmarks'


@pytest.fixture(scope='session')
def load():
    """Return a function that imports a file of benchmarks/ by name."""
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(BENCHMARKS)
        yield importlib.import_module


@pytest.fixture(scope='session')
def smallest(load):
    """Return the smallest sub-network that the benchmarks run."""
    networks = load('networks')
    return networks.ofa_networks(0, networks.SUBNETS[:1])[0]
