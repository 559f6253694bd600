"""Run sub-networks with OpenVINO on a CPU: the fastest there, on x86-64 and on aarch64."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from dynofa_ros.engine.engine import CPU, EngineError, Place, Runner
from dynofa_ros.engine.network import Network
from dynofa_ros.engine.preprocess import Input


class OpenVinoRunner:
    """One compiled sub-network with its request; input and output are not copied."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self._output = compiled.output(0)

    def __call__(self, x: Input) -> Input:
        """Map (1, 3, r, r) float32 to logits, (classes,) float32."""
        results = self._request.infer({0: x}, share_inputs=True, share_outputs=True)
        logits: Input = results[self._output][0]
        return logits


class OpenVinoEngine:
    """Compiles sub-networks for one stream of so many threads; keeps what it compiled on disk."""

    name = 'openvino'
    processors: tuple[str, ...] = (CPU,)

    def __init__(self) -> None:
        try:
            import openvino
        except ImportError as error:
            raise EngineError(f'openvino cannot be imported: {error}') from error
        self._core = openvino.Core()
        self.version = str(openvino.__version__).split('-')[0]
        # A compiled sub-network is for one build, on the kind of CPU that it was compiled on.
        cpu = str(self._core.get_property('CPU', 'FULL_DEVICE_NAME'))
        build = f'{openvino.__version__} {cpu}'
        self._build = hashlib.sha256(build.encode()).hexdigest()[:8]

    def precision(self, network: Network, processor: str) -> str:
        """Return the sub-network's own: float32 is never lowered."""
        return network.kept.precision

    def compile(self, network: Network, place: Place) -> Runner:
        """Read it from the cache, or compile it.

        Raises:
            EngineError: if OpenVINO cannot compile it.
        """
        if place.processor != CPU:
            raise EngineError(f'processor is {place.processor!r}; openvino has {CPU} here')
        folder = f'openvino-{self.version}-{self._build}'
        name = f'{folder}/{network.key}-{place.threads}-threads.blob'
        try:
            blob = network.cache.get(name, lambda: self._compiled(network, place))
            try:
                compiled = self._core.import_model(blob, 'CPU', _properties(place.threads))
            except RuntimeError:  # a blob that another build wrote
                network.cache.discard(name)
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
        # OpenVINO lowers float32 by itself where a CPU has bfloat16 or float16.
        'INFERENCE_PRECISION_HINT': 'f32',
        # A thread that is pinned to a core stays there when another program takes that core: one
        # frame then took 145 ms in place of 4.7 ms.
        'ENABLE_CPU_PINNING': False,
    }
