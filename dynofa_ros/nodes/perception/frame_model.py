# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Model the inference time and the energy of frames on a simulated platform."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dynofa_ros.platform import Platform, PlatformError
from dynofa_ros.supernet.model import SubnetRecord


@dataclass(frozen=True)
class ModelledFrame:
    """Inference time and energy of one frame on the simulated platform."""

    inference_s: float
    energy_j: float


class FrameModel:
    """Frames of one application on a platform with its current frequencies and co-runners.

    Latency has log-normal jitter with standard deviation ``jitter`` (relative; 0.03 is assumed) and
    random seed ``seed``. ``others`` returns the load of all other applications on a processor.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        seed: int,
        jitter: float = 0.03,
        others: Callable[[str], float] = lambda processor: 0.0,
    ) -> None:
        self.platform = platform
        self._others = others
        self._rng = Random(seed)
        self._jitter = jitter
        self._frequency_hz = {n: d.frequencies_hz[-1] for n, d in platform.domains.items()}
        self._co_runner = dict.fromkeys(platform.domains, 0.0)

    def set_domain(self, domain: str, *, frequency_hz: float, co_runner_utilisation: float) -> None:
        """Set the state of a frequency domain; NaN keeps a value, an unknown domain is ignored.

        Raises:
            PlatformError: for a frequency outside of the domain, or a utilisation outside of 0..1;
                the state is unchanged then.
        """
        if domain not in self._frequency_hz:
            return
        if math.isnan(frequency_hz):
            frequency_hz = self._frequency_hz[domain]
        if math.isnan(co_runner_utilisation):
            co_runner_utilisation = self._co_runner[domain]
        listed = self.platform.domains[domain].frequencies_hz
        if not listed[0] - 1 <= frequency_hz <= listed[-1] + 1:
            raise PlatformError(
                field=f'{domain}.frequency_hz',
                value=frequency_hz,
                expected=f'{listed[0]:.0f} to {listed[-1]:.0f} Hz',
            )
        if not 0 <= co_runner_utilisation <= 1:
            raise PlatformError(
                field=f'{domain}.co_runner_utilisation',
                value=co_runner_utilisation,
                expected='0 to 1',
            )
        self._frequency_hz[domain] = frequency_hz
        self._co_runner[domain] = co_runner_utilisation

    def frequency_hz(self, processor: str) -> float:
        """Return the frequency of a processor [Hz]."""
        return self._frequency_hz[self.platform.processor(processor).domain]

    def frame(
        self, kept: SubnetRecord, *, processor: str, threads: int, has_turn: bool = False
    ) -> ModelledFrame:
        """Return inference time and energy of one frame of a sub-network in the current state.

        While it `has_turn`, no other application runs a frame; co-runners take no turns.

        Raises:
            PlatformError: for a processor that the platform does not have.
        """
        frequency_hz = self.frequency_hz(processor)
        domain = self.platform.processor(processor).domain
        alone_s = self.platform.latency_s(
            processor=processor,
            frequency_hz=frequency_hz,
            flops=kept.flops,
            layers=kept.layers,
            threads=threads,
        )
        load = self._co_runner[domain] + (0.0 if has_turn else self._others(processor))
        slowdown = self.platform.processor(processor).slowdown_under_load(load)
        spread = self._rng.lognormvariate(0.0, self._jitter)
        # Co-runners stretch the latency, not the work: energy is that of the frame running alone.
        energy_j = self.platform.energy_j(
            processor=processor, frequency_hz=frequency_hz, latency_s=alone_s, threads=threads
        )
        return ModelledFrame(alone_s * slowdown * spread, energy_j)
