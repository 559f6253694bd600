# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

import pytest
import torch
import yaml

from dynofa_ros.config_file import ConfigError
from dynofa_ros.supernet import architecture, create_supernet
from dynofa_ros.supernet.architecture import architecture_of, read_architecture
from dynofa_ros.supernet.fingerprint import fingerprint
from dynofa_ros.supernet.mobilenet_v3 import MobileNetV3Spec, OFAMobileNetV3
from dynofa_ros.supernet.search_space import inverted_residual_space
from dynofa_ros.supernet.supernet import Supernet

NAMES = (
    'efficientnet_lite',
    'ofa_mbv3_cifar10',
    'ofa_mbv3_d234_e346_k357_w1.0',
    'ofa_proxyless_d234_e346_k357_w1.3',
    'ofa_resnet50',
    'vit_cifar10',
)
SMALL = {
    'family': 'mobilenet_v3',
    'classes': 4,
    'resolutions': [16, 24],
    'width': 0.5,
    'depths': [1, 2],
    'widths': [16, 16, 24, 40],
    'strides': [2, 2],
    'squeeze_excite': [False, True],
    'hard_swish': [True, True],
}


@pytest.mark.parametrize('name', NAMES)
def test_a_network_built_from_its_description_has_the_same_bits(name):
    torch.manual_seed(0)
    published = create_supernet(name)
    described = architecture_of(published).to_dict()
    torch.manual_seed(0)
    built = read_architecture(described).build(name)
    assert built.spec == published.spec
    assert fingerprint(built.state_dict()) == fingerprint(published.state_dict())


@pytest.mark.parametrize('name', NAMES)
def test_a_published_supernet_is_resized(name):
    net = create_supernet(name, classes=3, resolutions=(32, 64)).eval()
    assert net.space.resolutions == (32, 64)
    assert net(torch.zeros(2, 3, 64, 64)).shape == (2, 3)
    smallest = net.space.min_config()
    assert net.extract_subnet(smallest)(torch.zeros(1, 3, 32, 32)).shape == (1, 3)


def test_the_width_multiplier_changes_the_channels():
    wide = create_supernet('ofa_mbv3_cifar10')
    narrow = create_supernet('ofa_mbv3_cifar10', width=0.25)
    assert narrow.classifier.in_features * 2 == wide.classifier.in_features


def test_a_family_without_a_width_multiplier_says_which_have_one():
    with pytest.raises(ValueError, match=r'width is 0.5; expected none, .*mobilenet_v3, proxyless'):
        create_supernet('vit_cifar10', width=0.5)


def test_sizes_that_are_not_stated_are_those_of_imagenet():
    spec = (
        read_architecture(
            {'family': 'mobilenet_v3', 'classes': 1000, 'resolutions': [224], 'width': 1.0}
        )
        .build('x')
        .spec
    )
    assert spec == MobileNetV3Spec(
        name='x', space=inverted_residual_space(resolutions=(224,)), width=1.0
    )


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'family': 'alexnet'}, "family is 'alexnet'; expected one of mobilenet_v3, proxyless_nas"),
        ({'family': ['x']}, r"family is \['x'\]; expected one of"),
        ({'classes': 0}, 'classes is 0; expected a whole number from 1 to 100000'),
        ({'classes': True}, 'classes is True; expected a whole number'),
        ({'resolutions': []}, r'resolutions is \[\]; expected a list, at least one'),
        ({'resolutions': [64, 32]}, r'resolutions is \[64, 32\]; expected ascending values'),
        ({'resolutions': [10**6]}, r'resolutions\[0\] is 1000000; .*from 4 to 2048'),
        ({'width': float('nan')}, 'width is nan; expected a finite number'),
        ({'kernel_sizes': [4]}, r'kernel_sizes\[0\] is 4; expected one of 3, 5, 7, 9, 11'),
        ({'depths': [10**9]}, r'depths\[0\] is 1000000000; expected a whole number from 1 to 32'),
        ({'widths': [8, 8]}, r'widths is \[8, 8\]; expected 4 values, because strides has 2'),
        ({'hard_swish': [True]}, r'hard_swish is \[True\]; expected 2 values'),
        ({'single_blocks': 2}, 'single_blocks is 2; expected a whole number from 0 to 1'),
        ({'colour': 1, 'width': 0}, 'width is 0; .*\n.*colour is 1; expected only the keys'),
    ],
)
def test_a_fault_of_a_description_is_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        read_architecture(SMALL | changes)


def test_a_network_above_the_limit_is_refused_before_it_is_allocated(monkeypatch):
    huge = read_architecture(SMALL | {'width': 8, 'widths': [8192] * 4})
    allocated = []
    monkeypatch.setattr(
        torch.nn.init,
        'kaiming_normal_',
        lambda tensor, *_, **__: allocated.append(tensor.device.type),
    )
    with pytest.raises(ConfigError, match=r'number of weights is .*; expected at most 250000000'):
        huge.build('x')
    assert set(allocated) == {'meta'}
    assert architecture.MOST_PARAMETERS * 4 <= 10**9


def test_a_search_space_of_no_family_is_refused():
    first, *others = inverted_residual_space(stages=2).ks
    space = inverted_residual_space(stages=2)
    odd = type(space)(
        ks=(type(first)((5,), first.runs_above), *others),
        e=space.e,
        d=space.d,
        resolutions=(32,),
    )
    sizes = {key: tuple(SMALL[key]) for key in ('widths', 'strides', 'squeeze_excite')}
    spec = MobileNetV3Spec(name='odd', space=odd, width=0.5, hard_swish=(True, True), **sizes)
    with pytest.raises(
        ConfigError, match=r'search space is .* expected one of family mobilenet_v3'
    ):
        architecture_of(OFAMobileNetV3(spec))


def test_a_network_of_no_family_is_refused():
    class Own(Supernet):
        run = extract_subnet = None

    own = Own(create_supernet('ofa_mbv3_cifar10').spec)
    with pytest.raises(ConfigError, match="family is 'Own'; expected one of mobilenet_v3"):
        architecture_of(own)


def test_the_examples_of_the_documentation_run():
    page = Path(__file__).resolve().parents[2] / 'docs' / 'training.md'
    section = page.read_text().split('### A network of your own')[1].split('\n## ')[0]
    (described,) = re.findall(r'```yaml\n(.*?)```', section, re.DOTALL)
    assert read_architecture(yaml.safe_load(described)).build('x').spec.classes == 2
    (program,) = re.findall(r'```python\n(.*?)```', section, re.DOTALL)
    variables = {}
    exec(program, variables)
    assert variables['logits'].shape == (1, 4)
