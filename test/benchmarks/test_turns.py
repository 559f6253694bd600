# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Functions are timed alternately."""

import pytest


@pytest.fixture(scope='module')
def alternate(load):
    return load('turns').alternate


def test_each_block_starts_with_an_untimed_call(alternate):
    now, calls = [0.0], []

    def work(name, first_s, next_s):
        def run():
            settles = calls[-1:] != [name]
            now[0] += first_s if settles else next_s
            calls.append(name)

        return run

    works = {'a': work('a', 100, 1), 'b': work('b', 100, 2)}
    seconds = alternate(works, rounds=2, block=3, clock=lambda: now[0])
    assert calls == [*'aaaabbbb'] * 3  # the first round warms up
    assert seconds == {'a': [1] * 6, 'b': [2] * 6}


@pytest.mark.parametrize('counts', [{'rounds': 0, 'block': 1}, {'rounds': 1, 'block': 0}])
def test_counts_below_1_are_refused(alternate, counts):
    with pytest.raises(ValueError, match='expected integers above 0'):
        alternate({}, **counts)
