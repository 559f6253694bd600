# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest

from dynofa_ros.simulation.events import EventQueue


@pytest.fixture
def queue():
    return EventQueue()


def test_events_run_in_order_of_time(queue):
    happened = []
    for time_s in (0.3, 0.1, 0.2):
        queue.at(time_s, lambda time_s=time_s: happened.append((time_s, queue.now_s)))
    queue.run_until(1.0)
    assert happened == [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)]
    assert queue.now_s == 1.0


def test_events_of_equal_time_run_in_order_of_scheduling(queue):
    happened = []
    for name in 'abc':
        queue.at(0.5, lambda name=name: happened.append(name))
    queue.run_until(1.0)
    assert happened == ['a', 'b', 'c']


def test_an_event_at_the_end_does_not_run(queue):
    happened = []
    queue.at(1.0, lambda: happened.append('end'))
    queue.run_until(1.0)
    assert happened == []


def test_an_event_in_the_past_runs_now(queue):
    happened = []
    queue.at(0.5, lambda: queue.at(0.1, lambda: happened.append(queue.now_s)))
    queue.run_until(1.0)
    assert happened == [0.5]


def test_a_periodic_event_does_not_drift(queue):
    happened = []
    queue.every(0.1, lambda: happened.append(queue.now_s))
    queue.run_until(100.05)
    assert len(happened) == 1001
    assert happened[-1] == 100.0
