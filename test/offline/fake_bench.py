# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A machine of the fake kernel with simulated time, latency and power."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from boards import BOARDS, CPU, DEVFREQ
from fake_kernel import FakeKernel

from dynofa_ros.offline.calibration.workload import Task
from dynofa_ros.platform.latency import LatencyModel

CPU_MODEL = LatencyModel(2e-5, 4e4, 5.0, 0.2)
GPU_MODEL = LatencyModel(1e-4, 1e5, 300.0, 0.0)
SUBNETS = {'small': (20_000_000, 40), 'large': (400_000_000, 60)}
"""Operations and layers."""
CONTENTION = 0.8
IDLE_W = 4.0
RAIL_V = 5.0
GPU_CLOCK = f'{DEVFREQ}/17000000.gpu/cur_freq'


def busy_w(frequency_hz: float) -> float:
    return IDLE_W + 1.0 + 3e-9 * frequency_hz


class FakeBench:
    """A board with consistent frequencies, power and time."""

    def __init__(self, board: str, root: Path) -> None:
        self.kernel: FakeKernel = BOARDS[board](root)
        self.now_s = 0.0
        self.slept_s = 0.0
        self.on_frame: Callable[[], object] = lambda: None
        self.on_sleep: Callable[[], object] = lambda: None
        self.frames = 0
        self.slowdown = 1.0
        self.core = 0  # runs the frames on the CPU; the first of its policy
        self._set_power(IDLE_W)

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.on_sleep()
        self._set_power(IDLE_W)
        self._advance(seconds, IDLE_W)
        self.slept_s += seconds

    def frequency_hz(self, kind: str) -> float:
        if kind == 'gpu':
            return self.kernel.number(GPU_CLOCK)
        khz = self.kernel.number(f'{CPU}/policy{self.core}/scaling_cur_freq')
        return khz * 1e3 if khz > 0 else 2.0e9

    def frame(self, kind: str, flops: int, layers: int, threads: int) -> None:
        """Advance time by a frame, at the power of all threads."""
        self.on_frame()
        self.frames += 1
        frequency_hz = self.frequency_hz(kind)
        model = GPU_MODEL if kind == 'gpu' else CPU_MODEL
        self._set_power(busy_w(frequency_hz))
        latency_s = model.latency_s(
            frequency_hz=frequency_hz, flops=flops, layers=layers, threads=threads
        )
        self._advance(self.slowdown * latency_s, busy_w(frequency_hz))
        self.kernel.tick()

    @contextmanager
    def co_runners(self, count: int) -> Iterator[None]:
        """Slow frames down by `CONTENTION`."""
        self.slowdown = 1 + CONTENTION
        try:
            yield
        finally:
            self.slowdown = 1.0

    def _set_power(self, power_w: float) -> None:
        if self.kernel.exists('/sys/class/hwmon/hwmon3/curr1_input'):
            self.kernel.put('/sys/class/hwmon/hwmon3/curr1_input', round(power_w / RAIL_V * 1e3))

    def _advance(self, seconds: float, power_w: float) -> None:
        self.now_s += seconds
        counter = '/sys/class/powercap/intel-rapl:0/energy_uj'
        if self.kernel.exists(counter):
            self.kernel.add(counter, round(power_w * seconds * 1e6), modulo=262_143_328_850)


class FakeWorkload:
    """Sub-networks on the CPU and GPU of a fake bench."""

    name = 'fake sub-networks'
    kinds = ('gpu', 'cpu')

    def __init__(self, bench: FakeBench) -> None:
        self._bench = bench

    @contextmanager
    def on(self, kind: str, cores: tuple[int, ...]) -> Iterator[tuple[Task, ...]]:
        self._bench.core = cores[0]
        most = len(cores) if kind == 'cpu' else 1
        yield tuple(
            self._task(kind, name, threads) for threads in sorted({1, most}) for name in SUBNETS
        )

    def _task(self, kind: str, name: str, threads: int) -> Task:
        flops, layers = SUBNETS[name]
        return Task(
            subnet_id=name,
            flops=flops,
            layers=layers,
            threads=threads,
            run=lambda: self._bench.frame(kind, flops, layers, threads),
        )
