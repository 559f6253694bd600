"""Run a sub-network with PyTorch on the CPU: always there, the reference for other engines."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from dynofa_ros.engine.preprocess import Input


class TorchRunner:
    """One sub-network, ready to run."""

    def __init__(self, static: nn.Module) -> None:
        self._static = static.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(self, x: Input) -> Input:
        """Map (1, 3, r, r) float32 to logits, (classes,) float32."""
        batch = torch.from_numpy(x).contiguous(memory_format=torch.channels_last)
        logits: Input = self._static(batch)[0].numpy().astype(np.float32, copy=False)
        return logits


class TorchEngine:
    """Compiles sub-networks for PyTorch. Threads are set for the whole process."""

    name = 'torch'

    def compile(self, static: nn.Module) -> TorchRunner:
        """Make an extracted sub-network ready to run."""
        return TorchRunner(static)

    def set_threads(self, threads: int) -> None:
        """Use this many CPU threads from now on."""
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)
