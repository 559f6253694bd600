# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Selection of execution providers, and builds of ONNX Runtime whose providers do not start."""

from dataclasses import replace

import pytest

from dynofa_ros.engine import CPU, GPU, CompiledCache, EngineError, Place, create_engine
from dynofa_ros.engine.onnxruntime_engine import CUDA, ON_CPU, TENSORRT

onnxruntime = pytest.importorskip('onnxruntime')
ON_GPU = Place(GPU, 1)


@pytest.fixture
def engine(monkeypatch):
    """Return a function that makes the engine as with a build of ONNX Runtime.

    A build lists the providers that it was compiled with, also on a machine without a GPU.
    """

    def make(*providers):
        monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: [*providers, ON_CPU])
        return create_engine('onnxruntime')

    return make


@pytest.fixture
def small(small_networks):
    return small_networks[0]


def test_the_processors_are_those_of_the_installed_build():
    has_gpu = {TENSORRT, CUDA} & set(onnxruntime.get_available_providers())
    expected = (GPU, CPU) if has_gpu else (CPU,)
    assert create_engine('onnxruntime').processors == expected


@pytest.mark.parametrize('providers', [(CUDA,), (TENSORRT,), (CUDA, TENSORRT)])
def test_a_build_with_a_provider_for_gpus_has_a_gpu(engine, providers):
    assert engine(*providers).processors == (GPU, CPU)


def test_tensorrt_is_preferred_to_cuda_and_the_cpu_comes_last(engine, tmp_path):
    providers = engine(CUDA, TENSORRT)._providers(ON_GPU, CompiledCache(tmp_path))
    assert [each if isinstance(each, str) else each[0] for each in providers] == [
        TENSORRT,
        CUDA,
        ON_CPU,
    ]


def test_tensorrt_stores_its_engines_in_the_cache(engine, tmp_path):
    (_, options), _ = engine(TENSORRT)._providers(ON_GPU, CompiledCache(tmp_path))
    folder = tmp_path / f'tensorrt-onnxruntime-{onnxruntime.__version__}'
    assert folder.is_dir()
    assert options == {
        'trt_fp16_enable': True,
        'trt_engine_cache_enable': True,
        'trt_engine_cache_path': str(folder),
    }


def test_without_a_cache_tensorrt_compiles_every_time(engine):
    (_, options), _ = engine(TENSORRT)._providers(ON_GPU, CompiledCache(None))
    assert options == {'trt_fp16_enable': True}


def test_the_cpu_has_one_provider_in_every_build(engine):
    assert engine(TENSORRT, CUDA)._providers(Place(CPU, 1), CompiledCache(None)) == [ON_CPU]


@pytest.mark.parametrize(
    ('providers', 'processor', 'precision'),
    [
        ((TENSORRT, CUDA), GPU, 'float16'),
        ((TENSORRT, CUDA), CPU, 'float32'),
        ((CUDA,), GPU, 'float32'),
    ],
)
def test_only_tensorrt_lowers_the_precision(engine, small, providers, processor, precision):
    assert engine(*providers).precision(small, processor) == precision


@pytest.mark.filterwarnings('ignore:Specified provider')
def test_a_provider_that_does_not_start_is_refused(engine, small):
    if CUDA in onnxruntime.get_available_providers():
        pytest.skip('CUDA starts here')
    with pytest.raises(
        EngineError, match=f'processor of small is the CPU; expected {CUDA}, which did not start'
    ):
        engine(CUDA).compile(small, ON_GPU)


@pytest.mark.parametrize('name', ['onnxruntime', 'openvino'])
def test_a_damaged_onnx_file_is_refused_naming_the_sub_network(name, small, tmp_path):
    cache = CompiledCache(None)
    damaged = replace(small, cache=cache)
    damaged.cache.get = lambda name, make: b'no ONNX'
    with pytest.raises(EngineError, match=f'^{name}: small: .') as raised:
        create_engine(name).compile(damaged, Place(CPU, 1))
    assert len(str(raised.value).splitlines()) == 1
