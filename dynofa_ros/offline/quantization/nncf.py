# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Post-training quantisation of a sub-network with NNCF (arXiv 2002.08679), and its accuracy.

Weights are quantised per channel, activations with ranges measured on calibration images, and
biases are corrected. Nothing is trained.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from dynofa_ros.engine.engine import Runner
from dynofa_ros.engine.network import INPUT
from dynofa_ros.engine.preprocess import Input, Preprocessor
from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.supernet import Supernet
from dynofa_ros.supernet.vision_transformer import VisionTransformer


@dataclass(frozen=True)
class Comparison:
    """Accuracy of a float32 and an int8 sub-network on the same images; fractions 0..1."""

    float32_top1: float
    int8_top1: float
    agreement: float  # images for which both predict the same class, right or wrong
    images: int


def quantize_onnx(
    content: bytes, image: Callable[[int], Input], images: int, *, transformer: bool = False
) -> bytes:
    """Return an ONNX file with int8 weights and activations (quantize-dequantize pairs).

    ``image`` returns calibration image 0 to ``images`` - 1, each (1, 3, r, r) float32.
    ``transformer`` selects NNCF's scheme for attention.

    Raises:
        ValueError: if NNCF or ONNX is not installed, or NNCF cannot quantise the network.
    """
    # Disables NNCF's telemetry.
    os.environ.setdefault('NNCF_CI', '1')
    try:
        import nncf
        import onnx
    except ImportError as error:
        raise ValueError(
            f"{error.name} is not installed: pip install 'dynofa_ros[quantize]'"
        ) from error
    nncf.set_log_level(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter('ignore')  # the ONNX backend is experimental
        try:
            quantized = nncf.quantize(
                onnx.load_from_string(content),
                nncf.Dataset(range(images), lambda index: {INPUT: image(index)}),
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=images,
                model_type=nncf.ModelType.TRANSFORMER if transformer else None,
            )
        except Exception as error:  # NNCF's errors have no other common base class
            first_line = str(error).partition('\n')[0]
            raise ValueError(f'NNCF: {type(error).__name__}: {first_line}') from error
    return bytes(quantized.SerializeToString())


def quantize_subnet(
    net: Supernet, config: SubnetConfig, content: bytes, calibration: Dataset, file: Path
) -> None:
    """Quantise a sub-network, whose float32 ONNX file is ``content``, and write its ONNX file.

    Images are preprocessed as in the perception node.

    Raises:
        ValueError: if NNCF cannot quantise it, or an image cannot be decoded.
        OSError: if the file cannot be written.
    """
    preprocess = Preprocessor(config.r, net.spec.mean, net.spec.std)
    quantized = quantize_onnx(
        content,
        lambda index: preprocess(calibration.image(index)).copy(),
        len(calibration),
        transformer=isinstance(net, VisionTransformer),
    )
    file.write_bytes(quantized)


def compare(
    float32: Runner,
    int8: Runner,
    preprocess: Preprocessor,
    data: Dataset,
    classes: Tensor,
    *,
    report: Callable[[int], object] = lambda done: None,
) -> Comparison:
    """Run both on all images; ``classes`` are the true indices of the outputs, (N,) int64.

    ``report`` receives the number of images done.

    Raises:
        ValueError: naming an image that cannot be decoded.
    """
    predicted = np.empty((2, len(data)), np.int64)
    for index in range(len(data)):
        x = preprocess(data.image(index))
        for row, run in enumerate((float32, int8)):
            predicted[row, index] = run(x).argmax()
        report(index + 1)
    float32_top1, int8_top1 = (predicted == classes.numpy()).mean(1).tolist()
    agreement = float((predicted[0] == predicted[1]).mean())
    return Comparison(float32_top1, int8_top1, agreement, len(data))
