# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from random import Random

import numpy as np
import pytest

pytest.importorskip('pymoo', reason='pymoo, of the extra search, is not installed')

from dynofa_ros.offline.search.nsga2 import ConfigEncoding, PredictedSubnet, SearchSettings, evolve
from dynofa_ros.supernet.search_space import (
    ElasticDimension,
    SearchSpace,
    inverted_residual_space,
)

SPACE = inverted_residual_space(
    kernel_sizes=(3, 5), expand_ratios=(3, 4, 6), depths=(1, 2), resolutions=(20, 28), stages=2
)


def size(config):
    """The size that the synthetic accuracy and latency grow with."""
    blocks = zip(config.ks, config.e, strict=True)
    return config.r / 4 + sum(k + e for i, (k, e) in enumerate(blocks) if i % 2 < config.d[i // 2])


def accuracy(configs):
    """Larger expand ratios raise accuracy; larger kernels do not."""
    return np.array([0.5 + size(c) / 200 - sum(c.ks) / 100 for c in configs])


def latency_s(configs):
    return np.array([size(config) / 1000 for config in configs])


def search(space=SPACE, report=lambda generation: None, **settings):
    chosen = SearchSettings(**({'population': 16, 'generations': 3} | settings))
    return evolve(space, accuracy=accuracy, latency_s=latency_s, settings=chosen, report=report)


@pytest.fixture(scope='module')
def front():
    return search(population=24, generations=15)


def test_no_sub_network_of_the_front_dominates_another(front):
    assert len(front) > 3
    assert [f.latency_s for f in front] == sorted({f.latency_s for f in front})
    assert [f.accuracy for f in front] == sorted({f.accuracy for f in front})


def test_the_front_is_close_to_that_of_the_whole_space(front):
    """None of 1,000 random sub-networks is clearly better than the front."""
    rng = Random(1)
    configs = [SPACE.canonical(SPACE.sample(rng)) for _ in range(1000)]
    for a, t in zip(accuracy(configs), latency_s(configs), strict=True):
        assert max((f.accuracy for f in front if f.latency_s <= t), default=0) >= a - 0.02


def test_the_front_has_canonical_configs_with_their_predictions(front):
    for found in front:
        assert SPACE.canonical(found.config) == found.config
        assert found.accuracy == pytest.approx(accuracy([found.config])[0])
        assert found.latency_s == pytest.approx(latency_s([found.config])[0])


def test_equal_seeds_find_equal_fronts():
    assert search(seed=3) == search(seed=3)


def test_every_generation_is_reported():
    generations = []
    search(population=8, generations=3, report=generations.append)
    assert generations == [1, 2, 3]


def test_an_interrupted_search_returns_the_front_so_far():
    def interrupt(generation):
        if generation == 2:
            raise KeyboardInterrupt

    front = search(population=8, generations=1000, report=interrupt)
    assert front
    assert all(isinstance(found, PredictedSubnet) for found in front)


def test_an_interrupt_before_the_first_generation_is_raised():
    def interrupted(configs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evolve(SPACE, accuracy=interrupted, latency_s=latency_s, settings=SearchSettings())


def test_decoding_inverts_encoding():
    encoding = ConfigEncoding(SPACE)
    config = SPACE.canonical(SPACE.sample(Random(0)))
    assert encoding.decode(encoding.encode(config)) == config


def test_a_choice_of_one_value_is_not_encoded():
    space = SearchSpace(
        w=(ElasticDimension((64,)),), d=(ElasticDimension((1, 2)),), resolutions=(20,)
    )
    assert ConfigEncoding(space).upper.tolist() == [1, 0]
    assert ConfigEncoding(space).decode([1, 0]) == space.max_config()


def test_a_space_of_one_sub_network_is_refused():
    with pytest.raises(ValueError, match='the space holds 1 sub-network'):
        search(SearchSpace(d=(ElasticDimension((1,)),), resolutions=(20,)))


@pytest.mark.parametrize('field', ['population', 'generations', 'seed'])
def test_invalid_settings_are_refused(field):
    with pytest.raises(ValueError, match=f'{field} is -1; expected . or above'):
        SearchSettings(**{field: -1})
