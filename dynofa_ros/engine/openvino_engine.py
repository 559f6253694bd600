# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run sub-networks with OpenVINO, the fastest engine on x86-64 and aarch64 CPUs."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from dynofa_ros.engine.engine import CPU, EngineError, Place, Runner, check_processor
from dynofa_ros.engine.network import Network
from dynofa_ros.engine.preprocess import Input


class OpenVinoRunner:
    """One compiled sub-network with its request; inputs and outputs are not copied."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self._output = compiled.output(0)

    def __call__(self, x: Input) -> Input:
        """Map (1, 3, r, r) float32 to logits, (classes,) float32."""
        results = self._request.infer({0: x}, share_inputs=True, share_outputs=True)
        logits: Input = results[self._output][0]
        return logits


class OpenVinoEngine:
    """Compiles sub-networks for a single stream, and caches them on disk."""

    name = 'openvino'
    processors: tuple[str, ...] = (CPU,)

    def __init__(self) -> None:
        try:
            import openvino
        except ImportError as error:
            raise EngineError(f'openvino cannot be imported: {error}') from error
        self._core = openvino.Core()
        self.version = str(openvino.__version__).split('-')[0]
        # A compiled sub-network is valid for one build and one CPU model.
        cpu = str(self._core.get_property('CPU', 'FULL_DEVICE_NAME'))
        build = f'{openvino.__version__} {cpu}'
        self._build = hashlib.sha256(build.encode()).hexdigest()[:8]

    def precision(self, network: Network, processor: str) -> str:
        """Return the precision of the sub-network, which is never lowered."""
        return network.kept.precision

    def compile(self, network: Network, place: Place) -> Runner:
        """Load a sub-network from the cache, or compile it.

        Raises:
            EngineError: if OpenVINO cannot compile it.
        """
        check_processor(self, place)
        folder = f'openvino-{self.version}-{self._build}'
        name = f'{folder}/{network.key}-{place.threads}-threads.blob'
        try:
            blob = network.cache.get(name, lambda: self._compiled(network, place))
            try:
                compiled = self._core.import_model(blob, 'CPU', _properties(place.threads))
            except RuntimeError as error:  # written by another build
                network.cache.discard(name, str(error).splitlines()[0])
                blob = network.cache.get(name, lambda: self._compiled(network, place))
                compiled = self._core.import_model(blob, 'CPU', _properties(place.threads))
        except RuntimeError as error:
            first_line = str(error).splitlines()[0]
            raise EngineError(f'openvino: {network.kept.subnet_id}: {first_line}') from error
        return OpenVinoRunner(compiled)

    def _compiled(self, network: Network, place: Place) -> bytes:
        model = self._core.read_model(network.onnx())
        compiled = self._core.compile_model(model, 'CPU', _properties(place.threads))
        exported = compiled.export_model()
        return exported.getvalue() if isinstance(exported, io.BytesIO) else bytes(exported)


def _properties(threads: int) -> dict[str, Any]:
    return {
        'PERFORMANCE_HINT': 'LATENCY',
        'NUM_STREAMS': 1,
        'INFERENCE_NUM_THREADS': threads,
        # By default, OpenVINO uses bfloat16 or float16 if the CPU has it.
        'INFERENCE_PRECISION_HINT': 'f32',
        # A pinned thread cannot leave a core that another program occupies: one frame then took
        # 145 ms instead of 4.7 ms.
        'ENABLE_CPU_PINNING': False,
    }
