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
    """What the made-up accuracy and latency grow with."""
    blocks = zip(config.ks, config.e, strict=True)
    return config.r / 4 + sum(k + e for i, (k, e) in enumerate(blocks) if i % 2 < config.d[i // 2])


def accuracy(configs):
    """Expand ratios help; large kernels do not."""
    return np.array([0.5 + size(c) / 200 - sum(c.ks) / 100 for c in configs])


def latency_s(configs):
    return np.array([size(config) / 1000 for config in configs])


def search(space=SPACE, **settings):
    chosen = SearchSettings(**({'population': 16, 'generations': 3} | settings))
    return evolve(space, accuracy=accuracy, latency_s=latency_s, settings=chosen)


@pytest.fixture(scope='module')
def front():
    return search(population=24, generations=15)


def test_no_sub_network_of_the_front_beats_another(front):
    assert len(front) > 3
    assert [f.latency_s for f in front] == sorted({f.latency_s for f in front})
    assert [f.accuracy for f in front] == sorted({f.accuracy for f in front})


def test_the_front_is_close_to_that_of_the_whole_space(front):
    """Nothing of 1,000 random sub-networks is clearly better than what was found."""
    rng = Random(1)
    everyone = [SPACE.canonical(SPACE.sample(rng)) for _ in range(1000)]
    for a, t in zip(accuracy(everyone), latency_s(everyone), strict=True):
        assert max((f.accuracy for f in front if f.latency_s <= t), default=0) >= a - 0.02


def test_the_front_is_of_the_space_and_canonical(front):
    for found in front:
        assert SPACE.canonical(found.config) == found.config


def test_what_it_was_ranked_by_is_said_with_each(front):
    for found in front:
        assert found.accuracy == pytest.approx(accuracy([found.config])[0])
        assert found.latency_s == pytest.approx(latency_s([found.config])[0])


def test_the_seed_decides():
    assert search(seed=3) == search(seed=3)


def test_every_generation_is_reported():
    told = []
    evolve(
        SPACE,
        accuracy=accuracy,
        latency_s=latency_s,
        settings=SearchSettings(population=8, generations=3),
        report=told.append,
    )
    assert told == [1, 2, 3]


def interrupting(at):
    def report(generation):
        if generation == at:
            raise KeyboardInterrupt

    return report


def test_an_interrupted_search_returns_what_it_found():
    settings = SearchSettings(population=8, generations=1000)
    front = evolve(
        SPACE,
        accuracy=accuracy,
        latency_s=latency_s,
        settings=settings,
        report=interrupting(2),
    )
    assert front
    assert all(isinstance(found, PredictedSubnet) for found in front)


def test_a_search_that_is_interrupted_at_once_has_nothing_to_return():
    def interrupted(configs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evolve(SPACE, accuracy=interrupted, latency_s=latency_s, settings=SearchSettings())


def test_a_config_survives_its_genes():
    genes = ConfigEncoding(SPACE)
    config = SPACE.canonical(SPACE.sample(Random(0)))
    assert genes.decode(genes.encode(config)) == config


def test_a_choice_of_one_is_no_gene():
    space = SearchSpace(
        w=(ElasticDimension((64,)),), d=(ElasticDimension((1, 2)),), resolutions=(20,)
    )
    assert genes_of(space) == [1, 0]
    assert ConfigEncoding(space).decode([1, 0]) == space.max_config()


def genes_of(space):
    return ConfigEncoding(space).most.tolist()


def test_a_space_of_one_sub_network_is_refused():
    with pytest.raises(ValueError, match='the space holds 1 sub-network'):
        search(SearchSpace(d=(ElasticDimension((1,)),), resolutions=(20,)))


@pytest.mark.parametrize('field', ['population', 'generations', 'seed'])
def test_settings_with_which_nothing_evolves_are_refused(field):
    with pytest.raises(ValueError, match=f'{field} is -1; it must be at least'):
        SearchSettings(**{field: -1})
