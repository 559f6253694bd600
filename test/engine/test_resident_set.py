# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from queue import Queue
from threading import Event
from time import sleep

import numpy as np
import pytest

from dynofa_ros.engine import CPU, EngineError, Loader, Place, ResidentSet, create_engine

ONE, TWO = Place(CPU, 1), Place(CPU, 2)
NAMES = ['small', 'middle', 'large']


class Engine:
    """Records compilations, each of which allocates the same memory."""

    name, version, processors = 'none', '1', (CPU,)

    def __init__(self, refused, memory):
        self.compiled, self._refused, self._memory = [], refused, memory

    def precision(self, network, processor):
        if network.kept.subnet_id in self._refused:
            raise EngineError(f'{network.kept.subnet_id} cannot run')
        return 'float32'

    def compile(self, network, place):
        self.compiled.append((network.kept.subnet_id, place))
        self._memory.bytes += 100
        return lambda x: np.zeros(10, np.float32)


class Memory:
    bytes = 0


@pytest.fixture
def make(small_networks, monkeypatch):
    """Return a function that makes a set; each sub-network allocates 100 bytes."""
    memory = Memory()
    monkeypatch.setattr('dynofa_ros.engine.resident_set.allocated_bytes', lambda: memory.bytes)

    def resident_set(budget_bytes=0, refused=()):
        return ResidentSet(small_networks, Engine(refused, memory), budget_bytes=budget_bytes)

    return resident_set


def names(residents):
    return [each.kept.subnet_id for each in residents.residents()]


def test_a_sub_network_that_gives_nan_is_refused_by_name(make, monkeypatch):
    residents = make()
    broken = np.array([0, np.nan], np.float32)
    monkeypatch.setattr(residents.engine, 'compile', lambda network, place: lambda x: broken)
    with pytest.raises(EngineError, match='none: small gives NaN or infinity for a blank image'):
        residents.load('small', ONE)
    assert len(residents) == 0


def test_a_new_set_is_empty(make):
    assert (len(make()), make().memory_bytes) == (0, 0)


def test_residents_are_listed_cheapest_first(make):
    residents = make()
    for name in ('large', 'small'):
        residents.load(name, ONE)
    assert names(residents) == ['small', 'large']
    assert residents.memory_bytes == 200


def test_a_sub_network_is_compiled_once_per_place(make):
    residents = make()
    for place in (ONE, TWO, ONE):
        residents.load('small', place)
    assert residents.engine.compiled == [('small', ONE), ('small', TWO)]


def test_only_residents_are_found(make):
    residents = make()
    residents.load('small', ONE)
    assert residents.find('small', TWO) is None
    assert residents.find('small', ONE).kept.subnet_id == 'small'


def test_an_unknown_name_is_refused_listing_the_known_ones(make):
    for look_up in (make().find, make().load):
        with pytest.raises(ValueError, match=r"'huge'; expected small, middle, large"):
            look_up('huge', ONE)


def test_above_the_budget_the_least_recently_used_resident_is_evicted(make):
    residents = make(budget_bytes=200)
    residents.load('small', ONE)
    residents.load('middle', ONE)
    residents.find('small', ONE)
    residents.load('large', ONE)
    assert names(residents) == ['small', 'large']


def test_the_resident_in_use_is_never_evicted(make):
    residents = make(budget_bytes=100)
    residents.use(residents.load('small', ONE))
    residents.load('middle', ONE)
    assert names(residents) == ['small', 'middle']
    residents.use(residents.find('middle', ONE))
    residents.load('large', ONE)
    assert names(residents) == ['middle', 'large']


def test_several_can_be_in_use(make):
    residents = make(budget_bytes=200)
    residents.use(*residents.load_together(['small', 'middle'], ONE))
    for place in (ONE, TWO):
        residents.load('large', place)
    assert names(residents)[:2] == ['small', 'middle']


@pytest.mark.parametrize('present', [(), ('large',), ('small', 'large')])
def test_what_is_loaded_together_does_not_evict_itself(make, present):
    """Neither the sub-network that is compiled first, nor one that was resident before."""
    residents = make(budget_bytes=100 * max(len(present), 1))
    for name in present:
        residents.load(name, ONE)
    loaded = residents.load_together(['small', 'large'], ONE)
    assert [each.kept.subnet_id for each in loaded] == ['small', 'large']
    assert names(residents) == ['small', 'large']
    assert len(residents.engine.compiled) == 2


def test_without_a_budget_all_sub_networks_are_loaded(make):
    residents = make()
    residents.load_all((name, ONE) for name in NAMES)
    assert names(residents) == NAMES


def test_sub_networks_are_loaded_in_order_until_the_budget_is_used(make):
    residents = make(budget_bytes=250)
    residents.load('large', TWO)
    residents.load_all((name, ONE) for name in ('large', 'small', 'middle'))
    assert names(residents) == ['small', 'large']
    assert residents.find('large', ONE) is not None


def test_one_sub_network_is_loaded_even_above_the_budget(make):
    residents = make(budget_bytes=1)
    residents.load_all((name, ONE) for name in NAMES)
    assert names(residents) == ['small']


def test_a_negative_budget_is_refused(make):
    with pytest.raises(ValueError, match='budget_bytes is -1'):
        make(budget_bytes=-1)


def test_a_sub_network_that_the_engine_refuses_is_not_resident(make):
    residents = make(refused=('middle',))
    with pytest.raises(EngineError, match='middle cannot run'):
        residents.load('middle', ONE)
    assert len(residents) == 0


def test_sub_networks_of_one_resolution_share_a_preprocessor(make, small_networks):
    residents = make()
    twin = replace(small_networks[0], kept=replace(small_networks[0].kept, subnet_id='twin'))
    residents.networks['twin'] = twin
    small, middle = residents.load('small', ONE), residents.load('middle', ONE)
    assert residents.load('twin', ONE).preprocess is small.preprocess
    assert middle.preprocess is not small.preprocess


def test_the_cheapest_sub_network_has_the_fewest_operations(make):
    assert make().cheapest == 'small'


def test_allocated_memory_is_counted(small_networks):
    residents = ResidentSet(small_networks, create_engine('openvino'))
    large = residents.load('large', ONE)
    weights_bytes = 4 * large.kept.parameters
    assert large.memory_bytes > weights_bytes


def test_the_loader_compiles_only_the_newest_of_many_requests():
    begun, finish, loaded, done = Event(), Event(), [], []

    class Slow:
        def load_together(self, subnet_ids, place):
            loaded.extend(subnet_ids)
            begun.set()
            assert finish.wait(30)

    loader = Loader(Slow())
    loader.load(['first'], ONE, lambda error: done.append('first'))
    assert begun.wait(30)
    for number in range(1000):
        loader.load([f'{number}'], ONE, lambda error, number=number: done.append(number))
    finish.set()
    while len(done) < 2:
        sleep(0.01)
    loader.stop()
    assert (loaded, done) == (['first', '999'], ['first', 999])


def test_the_loader_continues_after_an_error():
    errors = Queue()

    class Failing:
        def load_together(self, subnet_ids, place):
            raise MemoryError

    loader = Loader(Failing())
    for _ in range(2):
        loader.load(['any'], ONE, errors.put)
        assert errors.get(timeout=30) == 'MemoryError()'
    loader.stop()
