import itertools

import pytest

from dynofa_ros.engine import EngineError, choose, choose_engine


class Engine:
    processors = ('cpu',)

    def __init__(self, name, seconds, now):
        self.name, self._seconds, self._now = name, seconds, now

    def precision(self, network, processor):
        return 'float32'

    def compile(self, network, place):
        self.compiled = network.kept.subnet_id, place.threads

        def run(x):
            self._now[0] += self._seconds

        return run


@pytest.fixture
def engines(monkeypatch):
    """Return a function that puts engines of given speeds, or none, into the place of the real."""
    now = [0.0]

    def put(**speeds):
        def maker(name, seconds):
            if isinstance(seconds, str):
                raise EngineError(seconds)
            return Engine(name, seconds, now)

        makers = {
            name: (lambda name=name, seconds=seconds: maker(name, seconds))
            for name, seconds in speeds.items()
        }
        monkeypatch.setattr(choose, 'ENGINES', makers)
        return lambda: now[0]

    return put


def test_auto_takes_the_fastest_and_says_how_fast_all_are(engines, small_networks):
    clock = engines(a=0.002, b=0.001)
    chosen = choose_engine('auto', small_networks, threads=2, clock=clock)
    assert chosen.engine.name == 'b'
    assert chosen.reason == 'fastest for large, threads: 2: b 1.00 ms on cpu, a 2.00 ms on cpu'


def test_auto_times_the_dearest_sub_network_on_the_threads_asked_for(engines, small_networks):
    chosen = choose_engine('auto', small_networks, threads=2, clock=engines(a=0.001))
    assert chosen.engine.compiled == ('large', 2)


def test_auto_passes_over_what_does_not_work_and_says_why(engines, small_networks):
    clock = engines(a='a is not installed', b=0.001)
    chosen = choose_engine('auto', small_networks, threads=1, clock=clock)
    assert chosen.engine.name == 'b'
    assert chosen.reason.endswith('; a is not installed')


def test_without_any_that_works_it_says_why(engines, small_networks):
    with pytest.raises(EngineError, match='no engine works here: a is gone; b is gone'):
        clock = engines(a='a is gone', b='b is gone')
        choose_engine('auto', small_networks, threads=1, clock=clock)


def test_one_that_is_named_is_taken_untimed(small_networks):
    clock = itertools.count().__next__
    chosen = choose_engine('torch', small_networks, threads=1, clock=clock)
    assert (chosen.engine.name, chosen.reason, clock()) == ('torch', 'chosen by parameter', 0)


def test_on_this_machine_one_is_found(small_networks):
    chosen = choose_engine('auto', small_networks, threads=1)
    assert all(name in chosen.reason for name in ('openvino', 'onnxruntime', 'torch'))
