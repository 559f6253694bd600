import numpy as np
import pytest
import torch

from dynofa_ros.engine import TorchEngine


@pytest.mark.parametrize('name', ['small', 'middle', 'large'])
def test_it_says_what_the_supernet_says(residents, model, name):
    config = model.subnet(name).config
    x = np.random.default_rng(0).standard_normal((1, 3, config.r, config.r), np.float32)
    with torch.no_grad():
        expected = model.net(torch.from_numpy(x), config)[0].numpy()
    np.testing.assert_allclose(residents[name].run(x), expected, rtol=1e-4, atol=1e-5)


def test_a_result_is_not_overwritten_by_the_next(residents):
    run, rng = residents['small'].run, np.random.default_rng(0)
    first = run(rng.standard_normal((1, 3, 20, 20), np.float32))
    kept = first.copy()
    run(rng.standard_normal((1, 3, 20, 20), np.float32))
    np.testing.assert_array_equal(first, kept)


def test_it_says_its_name():
    assert TorchEngine().name == 'torch'


def test_it_uses_as_many_threads_as_it_is_told():
    TorchEngine().set_threads(2)
    assert torch.get_num_threads() == 2
