# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What a name stands for, with real compiled sub-networks."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from worker_bench import CASCADE, PROFILE

from dynofa_ros import engine
from dynofa_ros.engine import CPU, EngineError, Place
from dynofa_ros.nodes.perception.profile import runnable_cascades
from dynofa_ros.nodes.perception.stages import StageSet

NAME = CASCADE.cascade.cascade_id
ONE, TWO = Place(CPU, 1), Place(CPU, 2)


@pytest.fixture
def compiled(model):
    residents = engine.ResidentSet(
        engine.networks(model, engine.CompiledCache(None)), engine.create_engine('torch')
    )
    return StageSet(residents, (CASCADE,))


def test_a_cascade_is_resident_where_all_its_stages_are(compiled):
    compiled.residents.load('small', ONE)
    compiled.residents.load('large', TWO)
    assert compiled.find(NAME, CPU, 1) is None
    compiled.residents.load('large', ONE)
    found = compiled.find(NAME, CPU, 1)
    assert [each.kept.subnet_id for each in found.residents] == ['small', 'large']
    assert found.calibrated == CASCADE
    assert list(compiled.resident_names()) == [
        ('small', ONE),
        ('large', ONE),
        ('large', TWO),
        (NAME, ONE),
    ]


def test_all_stages_of_a_cascade_are_compiled(compiled):
    stages = compiled.load(NAME, ONE)
    assert stages.first.kept.subnet_id == 'small'
    assert compiled.find(NAME, CPU, 1) == stages


def test_a_sub_network_has_one_stage(compiled):
    stages = compiled.load('middle', ONE)
    assert (len(stages.residents), stages.calibrated) == (1, None)


def test_a_stage_that_does_not_compile_is_an_error(compiled, monkeypatch):
    def fail(network, place):
        raise EngineError(f'{network.kept.subnet_id} cannot run')

    monkeypatch.setattr(compiled.residents.engine, 'compile', fail)
    with pytest.raises(EngineError, match='small cannot run'):
        compiled.load(NAME, ONE)


def record(cascade_id, *stages):
    """Return a cascade as a model has it."""
    values = vars(replace(CASCADE.cascade, cascade_id=cascade_id, stages=stages))
    return SimpleNamespace(**values, temperatures=(1.7,), flops=1, fingerprint='f')


def test_cascades_of_profiled_sub_networks_can_run():
    left_out = []
    model = SimpleNamespace(
        cascades=(record(NAME, 'small', 'large'), record('other', 'small-int8', 'large'))
    )
    assert runnable_cascades(model, PROFILE, log=left_out.append) == (CASCADE,)
    assert left_out == ['left out: other: small-int8 cannot run here']
