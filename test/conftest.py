# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests: a small model with random weights, and a platform with round numbers."""

import copy
import functools
import json
import operator
import os
import sys
from pathlib import Path

import hypothesis
import pytest
import yaml

from dynofa_ros.platform import FrequencyDomain, Platform, Processor
from dynofa_ros.platform.battery import Battery
from dynofa_ros.platform.latency import LatencyModel
from dynofa_ros.platform.power import BusyPower
from dynofa_ros.platform.thermal import ThermalZone

sys.path.insert(
    0, str(Path(__file__).resolve().parent)
)  # modules that tests of several folders share


# No test asserts a duration, also no property: by default hypothesis does, for each example and
# for the making of its input.
hypothesis.settings.register_profile(
    'no durations', deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile('no durations')

LONGEST = (
    'faults/test_faults.py',
    'test_end_to_end.py',
    'test_cli.py',
    'benchmarks/test_node_overhead.py',
    'benchmarks/test_monitoring.py',
    'benchmarks/test_switching.py',
)
"""Modules with a test or fixture of 15 s and more."""


def pytest_collection_modifyitems(items):
    """Run the longest tests first; the last one would keep one worker busy while others wait."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


def pytest_configure(config):
    """Give each worker of pytest-xdist a ROS domain of its own."""
    if worker := os.environ.get('PYTEST_XDIST_WORKER'):
        domain = int(os.environ.get('ROS_DOMAIN_ID', '0')) + int(worker.removeprefix('gw')) + 1
        os.environ['ROS_DOMAIN_ID'] = str(domain % 102)


@pytest.fixture(autouse=True, scope='session')
def own_cache(tmp_path_factory):
    """Cache compiled sub-networks for this test run, separate from the user's cache."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(autouse=True, scope='module')
def processes_without_coverage(request):
    """Measure no process that a module marked `no_cover` starts; pytest-cov spares its tests."""
    with pytest.MonkeyPatch.context() as environment:
        if request.node.get_closest_marker('no_cover'):
            environment.delenv('COVERAGE_PROCESS_CONFIG', raising=False)
        yield


@pytest.fixture
def write_changed(tmp_path):
    """Return a function that writes a document with changes as YAML or JSON, and returns the path.

    A change is a path such as `points.0.latency_s` and its new value; `...` removes it.
    """

    def write(document, changes, file=None):
        document = copy.deepcopy(document)
        for path, value in changes.items():
            *parents, last = (int(key) if key.isdigit() else key for key in path.split('.'))
            section = functools.reduce(operator.getitem, parents, document)
            if value is ...:
                del section[last]
            else:
                section[last] = value
        file = file or tmp_path / 'changed.yaml'
        dump = json.dumps if file.suffix == '.json' else yaml.safe_dump
        file.write_text(dump(document))
        return str(file)

    return write


@pytest.fixture(autouse=True)
def one_torch_thread():
    """Avoid torch threads that spin for each other and slow a test down on a busy machine."""
    if torch := sys.modules.get('torch'):
        torch.set_num_threads(1)


@pytest.fixture(scope='session')
def random_supernet():
    """Return a function that makes a supernet whose output depends on every parameter."""
    import small_model

    return small_model.random_supernet


@pytest.fixture(scope='session')
def model_folder(tmp_path_factory):
    """A model folder as training writes it, of three sub-networks."""
    import small_model

    return small_model.save_random_model(tmp_path_factory.mktemp('models') / 'untrained')


@pytest.fixture(scope='session')
def model(model_folder):
    """The same model, loaded; tests must not change it."""
    from dynofa_ros.supernet import load_model

    return load_model(str(model_folder))


@pytest.fixture
def board() -> Platform:
    """A platform with round numbers, idle at 2 W.

    GPU at 100, 200, 400 MHz: 3, 4, 6 W busy, one FLOP per cycle. CPU of 4 cores at 1, 2 GHz: 4 and
    10 W busy.
    """
    gpu = Processor(
        name='gpu',
        kind='gpu',
        domain='gpu',
        cores=1,
        latency=LatencyModel(0.0, 0.0, 1.0, 0.0),
        busy_power=BusyPower((1e8, 2e8, 4e8), (3.0, 4.0, 6.0)),
        contention=1.0,
    )
    cpu = Processor(
        name='cpu',
        kind='cpu',
        domain='cpu',
        cores=4,
        latency=LatencyModel(0.0, 0.0, 0.01, 0.0),
        busy_power=BusyPower((1e9, 2e9), (4.0, 10.0)),
        contention=0.5,
    )
    return Platform(
        name='board',
        description='round numbers',
        idle_power_w=2.0,
        rail='VDD_IN',
        domains={
            'cpu': FrequencyDomain('cpu', (1e9, 2e9), change_delay_s=0.0),
            'gpu': FrequencyDomain('gpu', (1e8, 2e8, 4e8), change_delay_s=0.5),
        },
        processors={'cpu': cpu, 'gpu': gpu},
        thermal_zones={},
        battery=Battery(
            energy_j=100.0, full_voltage_v=12.0, nominal_voltage_v=10.0, empty_voltage_v=8.0
        ),
        sources={},
    )


@pytest.fixture(scope='session')
def gpu_zone() -> ThermalZone:
    """A sensor that throttles the GPU of `board` to 100 MHz above 70 degrees."""
    return ThermalZone(
        name='GPU-therm',
        domain='gpu',
        ambient_c=20.0,
        resistance_k_per_w=10.0,
        time_constant_s=10.0,
        throttle_c=70.0,
        hysteresis_k=5.0,
        throttled_frequency_hz=1e8,
    )
