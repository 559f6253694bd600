# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run sub-networks with PyTorch, which is always installed and the reference for other engines.

On a GPU, it uses float16 and one CUDA graph per sub-network.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import nn

from dynofa_ros.engine.cuda_runner import CudaRunner
from dynofa_ros.engine.engine import CPU, GPU, EngineError, Place, Runner, check_processor
from dynofa_ros.engine.network import Network
from dynofa_ros.engine.preprocess import Input


class CpuRunner:
    """One sub-network on the CPU. The number of threads applies to the whole process."""

    def __init__(self, static: nn.Module, shape: tuple[int, ...], threads: int) -> None:
        self._static, self._threads = static, threads
        self._input = torch.zeros(shape).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def __call__(self, x: Input) -> Input:
        """Map (1, 3, r, r) float32 to logits, (classes,) float32."""
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        self._input.copy_(torch.from_numpy(x))
        logits: Input = self._static(self._input)[0].numpy()
        return logits


class TorchEngine:
    """Compiles sub-networks for PyTorch."""

    name = 'torch'
    version = str(torch.__version__)

    def __init__(self) -> None:
        self.processors: tuple[str, ...] = (GPU, CPU) if torch.cuda.is_available() else (CPU,)
        # A sub-network is extracted once for all thread counts.
        self._extracted: WeakValueDictionary[str, nn.Module] = WeakValueDictionary()

    def precision(self, network: Network, processor: str) -> str:
        """Return float32 on a CPU and float16 on a GPU.

        Raises:
            EngineError: for an int8 sub-network.
        """
        if network.kept.precision != 'float32':
            raise EngineError(
                f'precision of {network.kept.subnet_id} is {network.kept.precision}; '
                'expected float32 (use openvino or onnxruntime for int8)'
            )
        return 'float16' if processor == GPU else 'float32'

    def compile(self, network: Network, place: Place) -> Runner:
        """Extract a sub-network; on a GPU, capture it as a CUDA graph."""
        check_processor(self, place)
        self.precision(network, place.processor)
        if place.processor == GPU:
            return CudaRunner(network.static(), network.shape)
        if (static := self._extracted.get(network.key)) is None:
            static = network.static().to(
                memory_format=torch.channels_last  # type: ignore[call-overload]
            )
            self._extracted[network.key] = static
        return CpuRunner(static, network.shape, place.threads)


def relative_error(logits: Input, reference: Input) -> float:
    """Return the largest difference between logits, relative to the largest logit."""
    return float(np.abs(logits - reference).max() / np.abs(reference).max())
