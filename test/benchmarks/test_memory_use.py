"""What is compared when memory is: spread over the model, with weights of their own."""

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
def test_the_networks_are_spread_from_the_cheapest_to_the_dearest(
    memory_use, model, number, expected
):
    assert memory_use.spread(model, number) == expected


def test_a_static_network_is_saved_with_its_own_weights_alone(memory_use, model, tmp_path):
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


def test_what_a_process_says_before_it_fails_is_passed_on(memory_use, tmp_path):
    with pytest.raises(ValueError, match=r'memory of supernet: .*no-such-model'):
        memory_use.measure(
            'supernet', 'no-such-model', ['a'], engine='torch', threads=1, folder=tmp_path
        )
