# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The Once-for-All supernets match the published ones.

Key names, shapes, parameter counts and logits were obtained from the authors' implementation
(mit-han-lab/once-for-all) with the weights of `seeded_weight`.
"""

import hashlib
import re
from dataclasses import replace
from random import Random

import pytest
import torch
from torch import nn

from dynofa_ros.supernet import SubnetConfig, create_supernet

# Entries of the official state dict without batch norm counters, SHA-256 of the sorted lines
# "name shape", and number of parameters.
OFFICIAL = {
    'ofa_mbv3_d234_e346_k357_w1.0': (
        411,
        'cc4884fd78532b7c567c7a75b4b3bfddce9dc8c96cbb981c4d51edb4b88483d4',
        7_678_880,
    ),
    'ofa_mbv3_d234_e346_k357_w1.2': (
        411,
        'c57e3ecd485e4d505fa39c20fbf291efc46b69d962a870ca04e33a24474b7833',
        10_715_752,
    ),
    'ofa_proxyless_d234_e346_k357_w1.3': (
        379,
        '33b90a638574a4262c3e504830a06a10324890abb0d223152a92fab7e3c27460',
        7_956_882,
    ),
    'ofa_resnet50': (
        307,
        '8e96cc5caaa0dcced951a1f256b41145f12c2f5024c0c7c2382f5d1f8f42eafe',
        48_105_992,
    ),
}
SPELLED_OUT = {
    'ofa_mbv3_d234_e346_k357_w1.0': {
        'first_conv.conv.weight': (16, 3, 3, 3),
        'blocks.0.conv.depth_conv.bn.running_var': (16,),
        'blocks.1.conv.inverted_bottleneck.conv.conv.weight': (96, 16, 1, 1),
        'blocks.4.conv.depth_conv.conv.7to5_matrix': (25, 25),
        'blocks.5.conv.depth_conv.se.fc.reduce.weight': (40, 144, 1, 1),
        'blocks.20.conv.point_linear.bn.bn.running_mean': (160,),
        'feature_mix_layer.conv.weight': (1280, 960, 1, 1),
        'classifier.linear.weight': (1000, 1280),
    },
    'ofa_proxyless_d234_e346_k357_w1.3': {
        'first_conv.bn.weight': (40,),
        'blocks.21.conv.depth_conv.conv.conv.weight': (1488, 1, 7, 7),
        'feature_mix_layer.bn.running_mean': (1664,),
    },
    'ofa_resnet50': {
        'input_stem.1.conv.conv.conv.weight': (32, 32, 3, 3),
        'blocks.4.downsample.conv.conv.weight': (512, 256, 1, 1),
        'blocks.17.conv3.bn.bn.weight': (2048,),
        'classifier.linear.linear.bias': (1000,),
    },
}
# Parameters of the largest and the smallest sub-network, before batch norm is folded.
EXTRACTED = {
    'ofa_mbv3_d234_e346_k357_w1.0': (7_664_760, 3_410_792),
    'ofa_mbv3_d234_e346_k357_w1.2': (10_701_632, 4_602_456),
    'ofa_proxyless_d234_e346_k357_w1.3': (7_942_056, 3_718_832),
    'ofa_resnet50': (48_105_992, 6_539_280),
}
# The first three logits and the standard deviation of all, for noise of 128x128.
LOGITS = {
    'ofa_mbv3_d234_e346_k357_w1.0': {
        'largest': (-0.24972, -0.33336, 0.33719, 0.36026),
        'smallest': (-0.10176, -0.08908, 0.27311, 0.28507),
        'mixed': (-0.10774, -0.11492, 0.28198, 0.28385),
    },
    'ofa_mbv3_d234_e346_k357_w1.2': {
        'largest': (0.13763, 0.25453, 0.0046, 0.33115),
        'smallest': (-0.06979, -0.00615, 0.09243, 0.27849),
        'mixed': (-0.08109, 0.00013, 0.10632, 0.27923),
    },
    'ofa_proxyless_d234_e346_k357_w1.3': {
        'largest': (0.039, -0.22113, 0.57977, 0.4444),
        'smallest': (0.05338, -0.28096, 0.43293, 0.40816),
        'mixed': (0.08882, -0.32738, 0.46405, 0.41018),
    },
    'ofa_resnet50': {
        'largest': (-2.79773, 4.58997, -2.82565, 5.47643),
        'smallest': (-0.4184, 1.21738, 0.26449, 0.78026),
        'mixed': (-1.49069, 2.40652, -1.45872, 1.69315),
    },
}


def official_name(net, key):
    """Return the newest official name of a weight: elastic layers wrap a plain one."""
    name = net.official_key(key)
    if name.startswith('input_stem.1.'):
        name = name.replace('.weight', '.conv.weight') if '.bn.' not in name else name
    if net.spec.name == 'ofa_resnet50' or re.match(r'blocks\.[1-9]', name):
        name = re.sub(r'\bconv\.weight$', 'conv.conv.weight', name)
        name = name.replace('.bn.', '.bn.bn.')
    if net.spec.name == 'ofa_resnet50':
        name = name.replace('classifier.linear.', 'classifier.linear.linear.')
    return name


def mixed(space):
    if space.w:
        return SubnetConfig(d=(2, 1, 0, 2, 1), e=(0.2, 0.25, 0.35) * 6, w=(0, 1, 2) * 2, r=128)
    blocks, single = len(space.ks), (1,) * (len(space.d) - 5)
    return SubnetConfig(
        ks=((3, 5, 7) * 7)[:blocks], e=((6, 3, 4) * 7)[:blocks], d=(2, 3, 4, 3, 2, *single), r=128
    )


def configs(space):
    """Return three sub-networks for 128x128 pixels."""
    return {
        'largest': replace(space.max_config(), r=128),
        'smallest': replace(space.min_config(), r=128),
        'mixed': mixed(space),
    }


def noise(side=128):
    return torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope='module', params=OFFICIAL)
def net(request, make_net):
    return make_net(request.param)


def test_a_supernet_has_the_official_number_of_parameters(net):
    assert sum(p.numel() for p in net.parameters()) == OFFICIAL[net.spec.name][2]


def test_a_supernet_has_the_official_keys_and_shapes(net):
    lines = sorted(
        f'{official_name(net, key)} {"x".join(map(str, value.shape))}'
        for key, value in net.state_dict().items()
    )
    digest = hashlib.sha256('\n'.join(lines).encode()).hexdigest()
    assert (len(lines), digest) == OFFICIAL[net.spec.name][:2]


def test_selected_official_keys_have_the_expected_shapes(net):
    found = {official_name(net, key): tuple(v.shape) for key, v in net.state_dict().items()}
    expected = SPELLED_OUT.get(net.spec.name, {})
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize('size', ['largest', 'smallest'])
def test_an_extracted_sub_network_has_the_official_number_of_parameters(net, size):
    static = net.extract_subnet(configs(net.space)[size])
    # Folding leaves one parameter per channel, a bias, where batch norm has two.
    folded = sum(
        conv.bias.numel()
        for name, conv in static.named_modules()
        if isinstance(conv, nn.Conv2d)
        and conv.bias is not None
        and not name.endswith(('reduce', 'expand'))
    )
    count = sum(p.numel() for p in static.parameters()) + folded
    assert count == EXTRACTED[net.spec.name][size == 'smallest']


@pytest.mark.parametrize('which', ['largest', 'smallest', 'mixed'])
@torch.no_grad()
def test_logits_equal_those_of_the_official_implementation(net, which):
    logits = net(noise(), configs(net.space)[which])[0]
    found = torch.tensor([*logits[:3], logits.std()])
    expected = torch.tensor(LOGITS[net.spec.name][which])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('which', ['largest', 'smallest', 'mixed', 0, 1])
@torch.no_grad()
def test_an_extracted_sub_network_computes_the_same_as_the_supernet(net, which):
    known = configs(net.space)
    config = known[which] if which in known else replace(net.space.sample(Random(which)), r=132)
    dynamic = net(noise(config.r), config)
    extracted = net.extract_subnet(config)(noise(config.r))
    assert (extracted - dynamic).abs().max() < 1e-5 * max(1, dynamic.abs().max())


def test_the_resolutions_are_the_published_ones(net):
    assert net.space.resolutions == tuple(range(128, 225, 4))


def test_the_elastic_dimensions_are_the_published_ones(net):
    allowed = {field: net.space.allowed(field) for field in net.space.fields}
    lengths = {field: len(net.space.choices(field)) for field in net.space.fields}
    if net.spec.name == 'ofa_resnet50':
        assert allowed == {'e': (0.2, 0.25, 0.35), 'd': (0, 1, 2), 'w': (0, 1, 2)}
        assert lengths == {'e': 18, 'd': 5, 'w': 6}
        assert net.space.d[0].allowed == (0, 2)  # the stem is shallow or deep
    else:
        single = 'proxyless' in net.spec.name  # its last stage has one block
        assert allowed == {
            'ks': (3, 5, 7),
            'e': (3, 4, 6),
            'd': (1, 2, 3, 4) if single else (2, 3, 4),
        }
        assert lengths == {'ks': 20 + single, 'e': 20 + single, 'd': 5 + single}


def test_choices_of_skipped_resnet_blocks_are_ignored():
    space = create_supernet('ofa_resnet50').space
    shallow = replace(space.max_config(), d=(0, 0, 2, 2, 2))
    other = replace(shallow, e=(0.35, 0.35, 0.2, 0.25) + (0.35,) * 14)
    runs = replace(shallow, e=(0.35, 0.25) + (0.35,) * 16)
    assert space.canonical(other) == space.canonical(shallow) != space.canonical(runs)


def older_name(name):
    """Return the name in the oldest official files and in extracted sub-networks."""
    name = re.sub(r'^(blocks\.\d+)\.conv\.', r'\1.mobile_inverted_conv.', name)
    return re.sub(r'\b(conv|bn|linear)\.\1\b', r'\1', name)


@pytest.mark.parametrize('generation', ['new', 'old'])
def test_official_checkpoints_of_all_generations_load(net, tmp_path, generation):
    state = {official_name(net, key): value for key, value in net.state_dict().items()}
    if generation == 'old':
        state = {older_name(name): value for name, value in state.items()}
    counter = 'first_conv.bn.num_batches_tracked'
    torch.save(
        {'state_dict': {counter: torch.tensor(7), **state}, 'dataset': 'imagenet'},
        tmp_path / 'official',
    )
    other = create_supernet(net.spec.name)
    other.load_checkpoint(tmp_path / 'official')
    assert all(map(torch.equal, other.state_dict().values(), net.state_dict().values()))
