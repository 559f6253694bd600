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


@pytest.fixture(scope='session')
def make_frame(load):
    """Return a function that makes a Frame of whole seconds; fields can be changed."""

    def make(index, **change):
        fields = {
            'frame_id': f'x/{index}',
            'sequence': index + 1,
            'subnet_id': 'a',
            'age_s': 1.0,
            'queue_s': 2.0,
            'preprocess_s': 4.0,
            'inference_s': 8.0,
            'postprocess_s': 16.0,
            'total_s': 63.0,
            'dropped': 0,
            'refused': 0,
        }
        return load('frames').Frame(**(fields | change))

    return make
