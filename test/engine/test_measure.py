# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import pytest

from dynofa_ros.engine import CPU, Measurement, Place, measure
from dynofa_ros.engine.measure import fastest_threads, thread_counts


class Machine:
    """A machine whose clock advances only while a sub-network runs."""

    def __init__(self, **durations):
        """Set the durations of successive runs of each sub-network; the last one repeats."""
        self.now, self.order = 0.0, []
        self.residents = [self._resident(name, list(runs)) for name, runs in durations.items()]

    def _resident(self, name, runs):
        def run(x):
            self.order.append(name)
            self.shape = x.shape
            self.now += runs.pop(0) if len(runs) > 1 else runs[0]

        kept = SimpleNamespace(subnet_id=name, config=SimpleNamespace(r=8))
        return SimpleNamespace(
            kept=kept, run=run, place=Place(CPU, 3), precision='int8', memory_bytes=7
        )

    def measure(self, *, rounds=3, **options):
        return measure(self.residents, rounds=rounds, clock=lambda: self.now, **options)


def test_the_latency_is_the_median_without_the_warm_up():
    (found,) = Machine(a=[100, 1, 9, 2]).measure(rounds=3)
    assert (found.subnet_id, found.latency_s) == ('a', 2)


def test_the_standard_deviation_is_the_scaled_median_absolute_deviation():
    (found,) = Machine(a=[100, 1, 2, 4, 5, 90]).measure(rounds=5)
    assert found.latency_std_s == pytest.approx(1.4826 * 2)  # deviations 3 2 0 1 86


def test_sub_networks_are_timed_in_turn():
    machine = Machine(a=[1], b=[2])
    machine.measure(rounds=3)
    assert machine.order == ['a', 'b'] * 4


def test_a_measurement_includes_place_precision_and_memory():
    (found,) = Machine(a=[1]).measure()
    assert (found.processor, found.threads) == (CPU, 3)
    assert (found.precision, found.memory_bytes) == ('int8', 7)


def test_the_95th_percentile_of_21_runs_is_the_20th():
    (found,) = Machine(a=[0, *range(1, 22)]).measure(rounds=21)
    assert found.latency_p95_s == 20


def test_progress_is_reported_after_every_round():
    reported = []
    Machine(a=[1]).measure(rounds=3, progress=reported.append)
    assert reported == [0, 1, 2, 3]


def test_the_input_is_one_image_of_the_resolution():
    machine = Machine(a=[1])
    machine.measure()
    assert machine.shape == (1, 3, 8, 8)


def test_too_few_rounds_are_refused():
    with pytest.raises(ValueError, match='rounds is 2; expected at least 3'):
        Machine(a=[1]).measure(rounds=2)


@pytest.mark.parametrize(
    ('most', 'counts'),
    [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))],
)
def test_thread_counts_are_powers_of_two_and_the_maximum(most, counts):
    assert thread_counts(most) == counts


def test_the_fastest_thread_count_minimises_the_total_latency():
    def measured(threads, latency_s):
        return Measurement('x', CPU, threads, 'float32', latency_s, 0.0, latency_s, 0)

    assert (
        fastest_threads([measured(1, 1.0), measured(1, 5.0), measured(2, 2.0), measured(2, 3.0)])
        == 2
    )
