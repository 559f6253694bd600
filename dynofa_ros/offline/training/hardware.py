# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Choose device, precision and threads from the hardware, with the reason for the choice."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from dynofa_ros.platform.linux.confinement import usable_cpus

DEVICES = ('auto', 'cpu', 'cuda')
PRECISIONS = ('auto', 'float32', 'bfloat16', 'float16')
BFLOAT16_CAPABILITY = (8, 0)
"""First CUDA compute capability with bfloat16 tensor cores (Ampere)."""
CPU_FLAGS = ('avx512_bf16', 'amx_bf16')
"""A CPU without any of these computes bfloat16 more slowly than float32."""


@dataclass(frozen=True)
class Precision:
    """The precision of a run, with the reason for the choice."""

    name: str
    reason: str

    @property
    def scales_loss(self) -> bool:
        """Whether gradients would underflow without loss scaling (arXiv 1710.03740)."""
        return self.name == 'float16'

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """Return a context in which convolutions and matrix products use this precision."""
        if self.name == 'float32':
            return nullcontext()
        return torch.autocast(device.type, dtype=getattr(torch, self.name))


def available_threads(requested: int, *, processes: int = 1) -> int:
    """Return the number of threads to use; 0 requests this process's share of the cores.

    Raises:
        ValueError: if it is below 0.
    """
    if requested < 0:
        raise ValueError(f'threads is {requested}; expected 0 (one per core) or above')
    return requested or max(1, usable_cpus() // processes)


def choose_device(name: str, *, local_rank: int = 0) -> torch.device:
    """Return the device; ``auto`` uses a GPU if there is one, a separate one for each process.

    Raises:
        ValueError: for an unknown name or a missing GPU.
    """
    if name not in DEVICES:
        raise ValueError(f'device is {name!r}; expected {", ".join(DEVICES)}')
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == 'cpu' or (name == 'auto' and found == 0):
        return torch.device('cpu')
    if local_rank >= found:
        raise ValueError(
            f'process {local_rank} of this machine needs a GPU of its own; PyTorch '
            f'{torch.__version__} finds {found}'
        )
    return torch.device('cuda', local_rank)


def choose_precision(
    name: str, device: torch.device, *, cpu_flags: frozenset[str] | None = None
) -> Precision:
    """Return the precision; ``auto`` chooses the one that is fast on the device.

    ``cpu_flags`` default to those of this machine.

    Raises:
        ValueError: for an unknown name, or float16 on a CPU.
    """
    if name not in PRECISIONS:
        raise ValueError(f'precision is {name!r}; expected {", ".join(PRECISIONS)}')
    if name == 'float16' and device.type == 'cpu':
        raise ValueError("precision is 'float16'; expected float32 or bfloat16 on a CPU")
    if name != 'auto':
        return Precision(name, 'as requested')
    if device.type == 'cuda':
        # torch.cuda.is_bf16_supported() is also true where bfloat16 is emulated.
        if torch.cuda.get_device_capability(device) >= BFLOAT16_CAPABILITY:
            return Precision('bfloat16', 'the GPU supports it, and it needs no loss scaling')
        return Precision('float16', 'the GPU has no bfloat16; the loss is scaled')
    flags = _cpu_flags() if cpu_flags is None else cpu_flags
    for flag in CPU_FLAGS:
        if flag in flags:
            return Precision('bfloat16', f'the CPU has {flag}')
    return Precision('float32', f'the CPU has neither {" nor ".join(CPU_FLAGS)}')


def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith('flags')), '').split())
