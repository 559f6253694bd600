from dynofa_ros.simulation.events import EventQueue


def test_events_happen_in_the_order_of_their_times():
    queue, happened = EventQueue(), []
    for time_s in (0.3, 0.1, 0.2):
        queue.at(time_s, lambda time_s=time_s: happened.append((time_s, queue.now_s)))
    queue.run_until(1.0)
    assert happened == [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)]
    assert queue.now_s == 1.0


def test_of_equal_times_the_one_planned_first_comes_first():
    queue, happened = EventQueue(), []
    for name in 'abc':
        queue.at(0.5, lambda name=name: happened.append(name))
    queue.run_until(1.0)
    assert happened == ['a', 'b', 'c']


def test_what_is_planned_for_the_end_or_later_does_not_happen():
    queue, happened = EventQueue(), []
    queue.at(1.0, lambda: happened.append('end'))
    queue.run_until(1.0)
    assert happened == []


def test_a_time_that_is_past_is_now():
    queue, happened = EventQueue(), []
    queue.at(0.5, lambda: queue.at(0.1, lambda: happened.append(queue.now_s)))
    queue.run_until(1.0)
    assert happened == [0.5]


def test_what_repeats_keeps_its_rate_without_drift():
    queue, happened = EventQueue(), []
    queue.every(0.1, lambda: happened.append(queue.now_s))
    queue.run_until(100.05)
    assert len(happened) == 1001
    assert happened[-1] == 100.0
