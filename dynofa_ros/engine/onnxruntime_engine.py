# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run sub-networks with ONNX Runtime on TensorRT, CUDA or the CPU, in this order."""

from __future__ import annotations

from typing import Any

from dynofa_ros.engine.compiled_cache import CompiledCache
from dynofa_ros.engine.engine import CPU, GPU, EngineError, Place, Runner, check_processor
from dynofa_ros.engine.network import INPUT, OUTPUT, Network
from dynofa_ros.engine.preprocess import Input

TENSORRT, CUDA, ON_CPU = (
    'TensorrtExecutionProvider',
    'CUDAExecutionProvider',
    'CPUExecutionProvider',
)
LOG_ERRORS = 3
"""Minimum severity of the log messages of ONNX Runtime."""


class OnnxRuntimeRunner:
    """One sub-network in a session of its own."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __call__(self, x: Input) -> Input:
        """Map (1, 3, r, r) float32 to logits, (classes,) float32."""
        logits: Input = self._session.run([OUTPUT], {INPUT: x})[0][0]
        return logits


class OnnxRuntimeEngine:
    """Compiles sub-networks with the best execution providers that are installed."""

    name = 'onnxruntime'

    def __init__(self) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineError(f'onnxruntime cannot be imported: {error}') from error
        self._onnxruntime = onnxruntime
        self.version = str(onnxruntime.__version__)
        available = onnxruntime.get_available_providers()
        self._on_gpu = [each for each in (TENSORRT, CUDA) if each in available]
        self.processors: tuple[str, ...] = (GPU, CPU) if self._on_gpu else (CPU,)

    def precision(self, network: Network, processor: str) -> str:
        """Return the precision of the sub-network; TensorRT runs float32 ones in float16."""
        if processor == GPU and TENSORRT in self._on_gpu and network.kept.precision == 'float32':
            return 'float16'
        return network.kept.precision

    def compile(self, network: Network, place: Place) -> Runner:
        """Create a session.

        TensorRT stores its engines in the folder of the cache; the others start in under 0.1 s.

        Raises:
            EngineError: if no provider of the processor can run it.
        """
        check_processor(self, place)
        options = self._onnxruntime.SessionOptions()
        options.log_severity_level = LOG_ERRORS
        options.intra_op_num_threads = place.threads
        # Spinning threads gain 7 % on an idle machine, but when another program occupies one of
        # two cores, a frame of 31 ms takes 48 ms.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        try:
            session = self._onnxruntime.InferenceSession(
                network.onnx(), options, providers=self._providers(place, network.cache)
            )
        except Exception as error:  # its errors have no other common base class
            first_line = str(error).splitlines()[0]
            raise EngineError(f'onnxruntime: {network.kept.subnet_id}: {first_line}') from error
        if place.processor == GPU and session.get_providers()[0] == ON_CPU:
            raise EngineError(
                f'onnxruntime: processor of {network.kept.subnet_id} is the CPU; expected '
                f'{", ".join(self._on_gpu)}, which did not start'
            )
        return OnnxRuntimeRunner(session)

    def _providers(self, place: Place, cache: CompiledCache) -> list[Any]:
        if place.processor == CPU:
            return [ON_CPU]
        tensorrt: dict[str, Any] = {'trt_fp16_enable': True}
        if folder := cache.subfolder(f'tensorrt-onnxruntime-{self.version}'):
            tensorrt |= {'trt_engine_cache_enable': True, 'trt_engine_cache_path': str(folder)}
        options: dict[str, dict[str, Any]] = {TENSORRT: tensorrt, CUDA: {}}
        return [*((each, options[each]) for each in self._on_gpu), ON_CPU]
