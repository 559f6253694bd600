# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Engines are measured in interleaved blocks; unsupported sub-networks are reported once."""

from types import SimpleNamespace

import numpy as np
import pytest

from dynofa_ros.engine import CompiledCache, EngineError, Place, choose, networks
from dynofa_ros.engine.measure import places
from dynofa_ros.offline.profiling import engines
from dynofa_ros.offline.profiling.engines import (
    Block,
    compile_blocks,
    measure_blocks,
    measure_energy,
    open_engines,
)
from dynofa_ros.platform.energy_meter import EnergyMeter


class FakeEngine:
    """Computes nothing; rejects sub-networks by name."""

    version = '1'

    def __init__(self, name, processors=('cpu',), rejects=()):
        self.name, self.processors, self.rejects = name, processors, rejects

    def precision(self, network, processor):
        if network.kept.subnet_id in self.rejects:
            raise EngineError(f'{self.name} does not run {network.kept.subnet_id}')
        return 'float32'

    def compile(self, network, place):
        return lambda x: np.zeros(10, np.float32)


class Machine:
    """Time passes only while a sub-network runs; its name is its latency in seconds."""

    def __init__(self, tree=None, power_w=0.0):
        self.now_s, self.order, self.tree, self.power_w = 0.0, [], tree, power_w

    def block(self, engine, place, *names):
        return Block(FakeEngine(engine), place, tuple(self._resident(n, place) for n in names))

    def _resident(self, name, place):
        def run(x):
            self.order.append(name)
            self.pass_time(float(name), self.power_w)

        kept = SimpleNamespace(subnet_id=name, config=SimpleNamespace(r=8))
        return SimpleNamespace(
            kept=kept, place=place, key=(name, place), run=run, precision='float32', memory_bytes=0
        )

    def pass_time(self, seconds, power_w=1.0):
        self.now_s += seconds
        if self.tree:
            counter = self.tree / 'intel-rapl:0' / 'energy_uj'
            counter.write_text(str(round(int(counter.read_text()) + seconds * power_w * 1e6)))


ONE, TWO = Place('cpu', 1), Place('cpu', 2)
SUBNETS = ('small', 'middle', 'large')


def test_blocks_are_interleaved_and_start_with_an_untimed_frame():
    machine = Machine()
    blocks = [machine.block('a', ONE, '1', '2'), machine.block('b', TWO, '3')]
    first, second = measure_blocks(blocks, rounds=3, clock=lambda: machine.now_s)
    assert machine.order == ['1', '1', '2', '3', '3'] * 4  # the first round is the warm-up
    assert [(m.subnet_id, m.threads, m.latency_s) for m in first] == [('1', 1, 1.0), ('2', 1, 2.0)]
    assert [(m.subnet_id, m.threads, m.latency_s) for m in second] == [('3', 2, 3.0)]


def test_numbers_of_threads_apply_to_the_cpu_only():
    assert places(FakeEngine('a', ('gpu', 'cpu')), (1, 2)) == [Place('gpu', 1), ONE, TWO]
    assert places(FakeEngine('a', ('gpu',)), (1, 2)) == [Place('gpu', 1)]


@pytest.fixture
def nets(model):
    return networks(model, CompiledCache(None))


def test_every_sub_network_is_compiled_for_every_engine_and_place(nets):
    wanted = [(FakeEngine('a'), ONE), (FakeEngine('a'), TWO), (FakeEngine('b'), ONE)]
    reported = []
    blocks, reasons = compile_blocks(wanted, nets, lambda done, text='': reported.append(done))
    assert [(block.engine, block.place) for block in blocks] == wanted
    assert [[r.kept.subnet_id for r in block.residents] for block in blocks] == [
        ['small', 'middle', 'large']
    ] * 3
    assert reasons == []
    assert reported == list(range(1, 10))


def test_an_unsupported_sub_network_is_left_out_and_reported_once(nets):
    engine = FakeEngine('a', rejects=('middle',))
    blocks, reasons = compile_blocks([(engine, ONE), (engine, TWO)], nets)
    assert reasons == ['a does not run middle']
    assert [[r.kept.subnet_id for r in block.residents] for block in blocks] == [
        ['small', 'large']
    ] * 2


def test_an_engine_without_supported_sub_networks_has_no_block(nets):
    blocks, reasons = compile_blocks([(FakeEngine('a', rejects=SUBNETS), ONE)], nets)
    assert blocks == []
    assert len(reasons) == 3


@pytest.fixture
def one_missing(monkeypatch):
    """Two known engines, one of them not installed."""

    def create(name):
        if name == 'onnxruntime':
            raise EngineError('onnxruntime cannot be imported: no such module')
        return FakeEngine(name)

    for module in (choose, engines):
        monkeypatch.setattr(module, 'create_engine', create)
    monkeypatch.setattr(choose, 'ENGINES', ('onnxruntime', 'torch'))


def test_auto_opens_every_installed_engine(one_missing):
    engines, reasons = open_engines(['auto'])
    assert [each.name for each in engines] == ['torch']
    assert reasons == ['onnxruntime cannot be imported: no such module']


def test_a_named_engine_must_be_installed(one_missing):
    with pytest.raises(EngineError, match='onnxruntime cannot be imported'):
        open_engines(['torch', 'onnxruntime'])


def test_an_engine_named_twice_is_opened_once(one_missing):
    engines, _ = open_engines(['torch', 'torch'])
    assert len(engines) == 1


def test_auto_together_with_a_name_is_rejected():
    with pytest.raises(ValueError, match='engines is auto torch; expected auto alone, or names'):
        open_engines(['auto', 'torch'])


def test_an_unknown_engine_is_rejected():
    with pytest.raises(ValueError, match="engine is 'steam'; expected auto, openvino"):
        open_engines(['steam'])


def test_energy_above_idle_is_measured_on_the_cpu(tmp_path):
    zone = tmp_path / 'intel-rapl:0'
    zone.mkdir()
    for name, text in (('name', 'package-0'), ('max_energy_range_uj', 10**12), ('energy_uj', 0)):
        (zone / name).write_text(str(text))
    machine = Machine(tmp_path, power_w=5.0)
    blocks = [machine.block('a', ONE, '0.1', '0.2'), machine.block('a', Place('gpu', 1), '0.1')]
    reported = []
    energies = measure_energy(
        blocks,
        EnergyMeter(tmp_path),
        lambda done, text='': reported.append((done, text)),
        clock=lambda: machine.now_s,
        sleep=lambda seconds: machine.pass_time(seconds, 2.0),
    )
    assert energies[0] == pytest.approx({('0.1', ONE): 0.3, ('0.2', ONE): 0.6})
    assert energies[1] == {}
    assert reported == [(1, '0.1'), (2, '0.2')]
