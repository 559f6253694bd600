# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Quantisation with NNCF, and the comparison of int8 with float32."""

import sys

import cv2
import numpy as np
import pytest
import torch

from dynofa_ros.engine.network import export_onnx
from dynofa_ros.engine.preprocess import Preprocessor
from dynofa_ros.offline.data.dataset import DecodedImages
from dynofa_ros.offline.quantization.nncf import compare, quantize_onnx, quantize_subnet

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


def predicting(*classes):
    """Return a runner that predicts these classes, one after another."""
    turn = iter(classes)
    return lambda x: np.eye(3, dtype=np.float32)[next(turn)]


def compared(float32, int8, truth, report=lambda done: None):
    images = torch.zeros(len(truth), 3, 12, 12, dtype=torch.uint8)
    data = DecodedImages(images, torch.zeros(len(truth), dtype=torch.int64), ('a', 'b', 'c'))
    return compare(
        predicting(*float32),
        predicting(*int8),
        Preprocessor(8, MEAN, STD),
        data,
        torch.tensor(truth),
        report=report,
    )


def test_accuracy_is_the_fraction_of_correct_predictions():
    found = compared([0, 1, 2, 0], [0, 1, 0, 1], truth=[0, 1, 2, 2])
    assert (found.float32_top1, found.int8_top1, found.images) == (0.75, 0.5, 4)


def test_agreement_counts_equal_predictions_right_or_wrong():
    assert compared([0, 1, 2, 0], [0, 1, 0, 0], truth=[1, 1, 1, 1]).agreement == 0.75


def test_progress_is_the_number_of_images_done():
    reported = []
    compared([0, 1], [0, 1], truth=[0, 1], report=reported.append)
    assert reported == [1, 2]


def test_both_receive_the_image_preprocessed_as_in_the_perception_node():
    pixels = torch.randint(0, 256, (1, 3, 12, 12), dtype=torch.uint8)
    data = DecodedImages(pixels, torch.zeros(1, dtype=torch.int64), ('a',))
    seen = []

    def run(x):
        seen.append(x.copy())
        return np.zeros(3, np.float32)

    compare(run, run, Preprocessor(8, MEAN, STD), data, data.classes)
    small = cv2.resize(data.image(0), (8, 8), interpolation=cv2.INTER_AREA)
    expected = (small[..., ::-1].transpose(2, 0, 1) / 255 - 0.5) / 0.25
    assert len(seen) == 2
    for x in seen:
        np.testing.assert_allclose(x[0], expected, atol=1e-5)


def test_without_nncf_the_error_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, 'nncf', None)
    with pytest.raises(ValueError, match=r"nncf is not installed: pip install 'dynofa_ros\[quant"):
        quantize_onnx(b'', lambda index: np.zeros((1, 3, 8, 8), np.float32), 1)


@pytest.fixture(params=['tiny_mobilenet', 'tiny_transformer'])
def quantized(request, make_net, thumbnails, tmp_path):
    """A tiny sub-network as ONNX, float32 and int8, with the shape of its input."""
    pytest.importorskip('nncf', reason='nncf, of the extra quantize, is not installed')
    net = make_net(request.param).eval()
    with torch.no_grad():
        for name, value in net.named_parameters():
            if 'bn.weight' in name:
                value.uniform_(0.5, 1.5)  # blocks are initialised as the identity
            elif name == 'classifier.weight':
                value.normal_(0, 0.3)
    config = net.space.max_config()
    shape = (1, 3, config.r, config.r)
    content = export_onnx(net.extract_subnet(config), shape)
    quantize_subnet(net, config, content, thumbnails(), tmp_path / 'int8.onnx')
    return content, (tmp_path / 'int8.onnx').read_bytes(), shape


def test_weights_and_activations_are_int8(quantized):
    onnx = pytest.importorskip('onnx')
    content, int8, _ = quantized
    graph = onnx.load_from_string(int8).graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count('QuantizeLinear') >= 3
    assert any(each.data_type == onnx.TensorProto.INT8 for each in graph.initializer)
    assert 'QuantizeLinear' not in {n.op_type for n in onnx.load_from_string(content).graph.node}


def test_both_engines_give_nearly_the_logits_of_float32(quantized, thumbnails):
    openvino = pytest.importorskip('openvino')
    onnxruntime = pytest.importorskip('onnxruntime')
    content, int8, shape = quantized
    preprocess = Preprocessor(shape[-1], MEAN, STD)

    def logits(file):
        session = onnxruntime.InferenceSession(file, providers=['CPUExecutionProvider'])
        # As in the engine: bfloat16, the default of a CPU with AMX, lacks some int8 layers.
        precision = {'INFERENCE_PRECISION_HINT': 'f32'}
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(file), 'CPU', precision)
        inputs = [preprocess(thumbnails().image(index)).copy() for index in range(8)]
        by_onnxruntime = [session.run(None, {'image': x})[0][0] for x in inputs]
        return np.array(by_onnxruntime), np.array([compiled([x])[0][0] for x in inputs])

    reference, _ = logits(content)
    for found in logits(int8):
        # The range of random weights exceeds int8: values differ, but correlate.
        assert 0.9 < np.corrcoef(found.ravel(), reference.ravel())[0, 1] < 1 - 1e-7


def test_an_invalid_network_is_rejected():
    pytest.importorskip('nncf', reason='nncf, of the extra quantize, is not installed')
    with pytest.raises(ValueError, match='NNCF: '):
        quantize_onnx(b'no ONNX', lambda index: np.zeros((1, 3, 8, 8), np.float32), 1)
