# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import os

import pytest
import torch

from dynofa_ros.offline.training.hardware import (
    available_threads,
    choose_device,
    choose_precision,
)

CPU, GPU = torch.device('cpu'), torch.device('cuda', 0)


@pytest.mark.parametrize(
    ('flags', 'name', 'reason'),
    [
        ({'avx2', 'avx512f'}, 'float32', 'the CPU has neither avx512_bf16 nor amx_bf16'),
        ({'avx512_bf16'}, 'bfloat16', 'the CPU has avx512_bf16'),
        ({'amx_bf16'}, 'bfloat16', 'the CPU has amx_bf16'),
    ],
)
def test_a_cpu_uses_bfloat16_if_it_is_fast(flags, name, reason):
    chosen = choose_precision('auto', CPU, cpu_flags=frozenset(flags))
    assert (chosen.name, chosen.reason) == (name, reason)


@pytest.mark.parametrize(
    ('capability', 'name', 'scales'), [((7, 2), 'float16', True), ((8, 7), 'bfloat16', False)]
)
def test_a_gpu_uses_bfloat16_from_ampere_on(monkeypatch, capability, name, scales):
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: capability)
    chosen = choose_precision('auto', GPU)
    assert (chosen.name, chosen.scales_loss) == (name, scales)


def test_a_requested_precision_is_used():
    assert choose_precision('bfloat16', CPU, cpu_flags=frozenset()).name == 'bfloat16'


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('half', "precision is 'half'; expected auto"),
        ('float16', 'expected float32 or bfloat16 on a CPU'),
    ],
)
def test_a_precision_that_the_cpu_lacks_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        choose_precision(name, CPU)


def test_autocast_computes_products_in_the_precision():
    with choose_precision('bfloat16', CPU).autocast(CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with choose_precision('float32', CPU).autocast(CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.fixture
def gpus(monkeypatch):
    def have(count):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: count > 0)
        monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)

    return have


def test_each_process_uses_its_own_gpu(gpus):
    gpus(2)
    assert choose_device('auto', local_rank=1) == torch.device('cuda', 1)
    assert choose_device('cpu', local_rank=1) == CPU


def test_without_a_gpu_the_cpu_is_used(gpus):
    gpus(0)
    assert choose_device('auto') == CPU


@pytest.mark.parametrize(('count', 'rank'), [(0, 0), (2, 2)])
def test_a_missing_gpu_is_reported(gpus, count, rank):
    gpus(count)
    with pytest.raises(ValueError, match=f'process {rank} .* needs a GPU of its own.* {count}$'):
        choose_device('cuda', local_rank=rank)


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match="device is 'tpu'; expected auto, cpu, cuda"):
        choose_device('tpu')


def test_zero_threads_are_the_share_of_the_cores(monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(8)))
    assert available_threads(0) == 8
    assert available_threads(0, processes=3) == 2
    assert available_threads(0, processes=16) == 1
    assert available_threads(3, processes=2) == 3


def test_a_negative_number_of_threads_is_refused():
    with pytest.raises(ValueError, match='threads is -1; expected 0'):
        available_threads(-1)
