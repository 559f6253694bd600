# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Sub-networks in the comparison of memory: evenly spaced, each with its own weights."""

import pytest
import torch


@pytest.fixture(scope='module')
def memory_use(load):
    return load('memory_use')


@pytest.mark.parametrize(
    ('number', 'expected'),
    [
        (1, ['small']),
        (2, ['small', 'large']),
        (3, ['small', 'middle', 'large']),
        (9, ['small', 'middle', 'large']),
    ],
)
def test_sub_networks_are_evenly_spaced_from_the_cheapest_to_the_most_expensive(
    memory_use, model, number, expected
):
    assert memory_use.evenly_spaced(model, number) == expected


def test_a_static_network_is_saved_with_only_its_own_weights(memory_use, model, tmp_path):
    memory_use.save_static(model, ['small', 'large'], tmp_path)
    sizes = {each.stem: each.stat().st_size for each in tmp_path.iterdir()}
    assert set(sizes) == {'small', 'large'}
    assert sizes['small'] < sizes['large'] / 2
    static, resolution = torch.load(tmp_path / 'small.pt', weights_only=False)
    assert resolution == 20
    x = torch.randn(1, 3, 20, 20)
    with torch.inference_mode():
        expected = model.net.extract_subnet(model.kept[0].config)(x)
        assert torch.allclose(static(x), expected)


def test_the_error_output_of_a_failed_process_is_reported(memory_use, tmp_path):
    with pytest.raises(ValueError, match=r'memory of supernet: .*no-such-model'):
        memory_use.measure(
            'supernet', 'no-such-model', ['a'], engine='torch', threads=1, folder=tmp_path
        )
