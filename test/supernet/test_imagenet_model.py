# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The model `imagenet`: its description, and its real weights if they are installed."""

import itertools
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest
import torch
import yaml

from dynofa_ros.engine.preprocess import Preprocessor
from dynofa_ros.supernet import SubnetConfig, create_supernet, load_model
from dynofa_ros.supernet.cost import cost

FOLDER = Path(__file__).resolve().parents[2] / 'models' / 'imagenet'


@pytest.fixture(scope='module')
def document():
    return yaml.safe_load((FOLDER / 'model.yaml').read_text())


@pytest.fixture(scope='module')
def imagenet(document):
    for package in document['packages']:
        try:
            metadata.distribution(package['package'])
        except metadata.PackageNotFoundError:
            pytest.skip(f'not installed: {package["package"]}')
    return load_model('imagenet')


@pytest.fixture(scope='module')
def cat():
    spec = find_spec('skimage')
    if spec is None:
        pytest.skip('not installed: scikit-image, which contains the photograph')
    return cv2.imread(str(Path(spec.submodule_search_locations[0]) / 'data' / 'chelsea.png'))


def test_the_labels_of_all_classes_are_unique(document):
    labels = document['labels']
    assert len(labels) == len({label.lower() for label in labels}) == 1000
    assert [labels[i] for i in (0, 285, 388, 999)] == [
        'tench', 'Egyptian cat', 'giant panda', 'toilet tissue'
    ]  # fmt: skip


def test_more_expensive_sub_networks_are_more_accurate(document):
    subnets = document['subnets']
    assert len(subnets) >= 8
    for cheaper, costlier in itertools.pairwise(subnets):
        assert cheaper['flops'] < costlier['flops']
        assert cheaper['accuracy'] < costlier['accuracy']


@pytest.mark.parametrize('index', [0, -1])
def test_costs_equal_those_of_the_extracted_network(document, index):
    kept = document['subnets'][index]
    config = SubnetConfig.from_dict(kept['config'])
    static = create_supernet('efficientnet_lite').extract_subnet(config)
    counted = cost(static, config.r)
    assert (counted.flops, counted.parameters, counted.layers) == (
        kept['flops'], kept['parameters'], kept['layers']
    )  # fmt: skip


def test_the_model_card_lists_every_sub_network_with_its_accuracy(document):
    card = (FOLDER / 'README.md').read_text()
    for kept in document['subnets']:
        # The first table; those below are of calibration and cascades.
        line = next(each for each in card.splitlines() if f'| `{kept["subnet_id"]}` |' in each)
        assert line.endswith(f'| {kept["accuracy"]:.1%} |')


def test_all_sub_networks_load_if_all_packages_are_installed(imagenet, document):
    assert [each.subnet_id for each in imagenet.kept] == [
        each['subnet_id'] for each in document['subnets']
    ]
    assert not imagenet.left_out


# Logits of the package efficientnet-lite-pytorch 0.1.0 for the same input.
@pytest.mark.parametrize(
    ('v', 'r', 'logits'),
    [
        (0, 128, [20.1963, 19.0086, 18.1912]),
        (0, 224, [9.1275, 8.9026, 8.2287]),
        (1, 256, [8.6534, 7.3862, 7.1154]),
    ],
)
def test_a_photograph_of_a_cat_is_classified_as_a_cat(imagenet, cat, v, r, logits):
    spec = imagenet.net.spec
    x = torch.from_numpy(Preprocessor(r, spec.mean, spec.std)(cat))
    with torch.inference_mode():
        best = imagenet.net.extract_subnet(SubnetConfig(v=(v,), r=r))(x)[0].topk(3)
    labels = [imagenet.labels[i] for i in best.indices]
    assert labels == ['Egyptian cat', 'tiger cat', 'tabby']
    assert best.values.tolist() == pytest.approx(logits, abs=2e-3)
