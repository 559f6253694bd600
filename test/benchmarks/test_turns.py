"""Things are timed in turn."""

import pytest


@pytest.fixture(scope='module')
def take_turns(load):
    return load('turns').take_turns


def test_each_turn_settles_with_one_run_that_is_not_timed(take_turns):
    now, calls = [0.0], []

    def work(name, first_s, next_s):
        def run():
            settles = calls[-1:] != [name]
            now[0] += first_s if settles else next_s
            calls.append(name)

        return run

    works = {'a': work('a', 100, 1), 'b': work('b', 100, 2)}
    seconds = take_turns(works, rounds=2, block=3, clock=lambda: now[0])
    assert calls == [*'aaaabbbb'] * 3  # the first round warms up
    assert seconds == {'a': [1] * 6, 'b': [2] * 6}


@pytest.mark.parametrize('counts', [{'rounds': 0, 'block': 1}, {'rounds': 1, 'block': 0}])
def test_without_runs_there_is_nothing_to_time(take_turns, counts):
    with pytest.raises(ValueError, match='both must be above 0'):
        take_turns({}, **counts)
