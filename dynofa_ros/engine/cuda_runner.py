# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run a sub-network of PyTorch on an NVIDIA GPU, in float16.

Nothing here runs without such a GPU, so pyproject.toml leaves this file out of the coverage;
benchmarks/gpu.py and its tests check it where there is one.
"""

from __future__ import annotations

import torch
from torch import nn

from dynofa_ros.engine.preprocess import Input

GRAPH_WARM_UPS = 3
"""Runs before a CUDA graph is captured, during which libraries select their kernels."""


class CudaRunner:
    """One sub-network on the GPU; with a CUDA graph, a frame is a single launch."""

    def __init__(self, static: nn.Module, shape: tuple[int, ...], *, graph: bool = True) -> None:
        """Move a sub-network to the GPU, and capture it."""
        self._static = static.to('cuda', torch.float16).to(
            memory_format=torch.channels_last  # type: ignore[call-overload]
        )
        self._host = torch.zeros(shape).pin_memory()
        self._input = torch.zeros(shape, dtype=torch.float16, device='cuda').contiguous(
            memory_format=torch.channels_last
        )
        self._graph: torch.cuda.CUDAGraph | None = None
        with torch.inference_mode():
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(GRAPH_WARM_UPS):
                    self._logits = self._static(self._input)
            torch.cuda.current_stream().wait_stream(side)
            if graph:
                self._graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self._graph):
                    self._logits = self._static(self._input)

    @torch.inference_mode()
    def __call__(self, x: Input) -> Input:
        """Map (1, 3, r, r) float32 to logits, (classes,) float32."""
        self._host.copy_(torch.from_numpy(x))
        self._input.copy_(self._host, non_blocking=True)
        if self._graph is None:
            self._logits = self._static(self._input)
        else:
            self._graph.replay()
        logits: Input = self._logits[0].float().cpu().numpy()
        return logits
