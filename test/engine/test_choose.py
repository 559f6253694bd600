# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest

from dynofa_ros.engine import EngineError, choose, choose_engine


class Engine:
    processors = ('cpu',)

    def __init__(self, name, seconds, now):
        self.name, self._seconds, self._now = name, seconds, now

    def precision(self, network, processor):
        return 'float32'

    def compile(self, network, place):
        if self._seconds is None:
            raise EngineError(f'{self.name} cannot compile {network.kept.subnet_id}')
        self.compiled = network.kept.subnet_id, place.threads

        def run(x):
            self._now[0] += self._seconds
            return np.zeros(10, np.float32)

        return run


@pytest.fixture
def engines(monkeypatch):
    """Return a function that replaces the engines by fakes of given latency [s] or error.

    None: it does not compile anything.
    """
    now = [0.0]

    def install(**latencies):
        def create(name):
            if isinstance(latencies[name], str):
                raise EngineError(latencies[name])
            return Engine(name, latencies[name], now)

        constructors = {name: lambda name=name: create(name) for name in latencies}
        monkeypatch.setattr(choose, 'ENGINES', constructors)
        return lambda: now[0]

    return install


def test_auto_chooses_the_fastest_engine_and_reports_all_latencies(engines, small_networks):
    clock = engines(a=0.002, b=0.001)
    chosen = choose_engine('auto', small_networks, threads=2, clock=clock)
    assert chosen.engine.name == 'b'
    assert chosen.reason == 'fastest for large, threads: 2: b 1.00 ms on cpu, a 2.00 ms on cpu'


def test_auto_times_the_largest_sub_network_with_the_requested_threads(engines, small_networks):
    chosen = choose_engine('auto', small_networks, threads=2, clock=engines(a=0.001))
    assert chosen.engine.compiled == ('large', 2)


def test_auto_skips_unusable_engines_and_reports_why(engines, small_networks):
    clock = engines(a='a is not installed', b=0.001)
    chosen = choose_engine('auto', small_networks, threads=1, clock=clock)
    assert chosen.engine.name == 'b'
    assert chosen.reason.endswith('; a is not installed')


def test_auto_skips_engines_that_cannot_compile_and_reports_why(engines, small_networks):
    clock = engines(a=None, b=0.001)
    chosen = choose_engine('auto', small_networks, threads=1, clock=clock)
    assert chosen.engine.name == 'b'
    assert chosen.reason.endswith('; a cannot compile large')


def test_an_error_lists_why_no_engine_is_usable(engines, small_networks):
    clock = engines(a='a is gone', b='b is gone')
    with pytest.raises(EngineError, match='no engine works here: a is gone; b is gone'):
        choose_engine('auto', small_networks, threads=1, clock=clock)


def test_a_named_engine_is_not_timed(small_networks):
    clock = itertools.count().__next__
    chosen = choose_engine('torch', small_networks, threads=1, clock=clock)
    assert (chosen.engine.name, chosen.reason, clock()) == ('torch', 'chosen by parameter', 0)


def test_auto_times_all_engines_of_this_machine(small_networks):
    chosen = choose_engine('auto', small_networks, threads=1)
    assert all(name in chosen.reason for name in ('openvino', 'onnxruntime', 'torch'))
