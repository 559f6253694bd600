# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Our own applications disturb each other, and the joint choice knows."""

import math
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from dynofa_ros.runtime import DecisionPolicy, DecisionState, Domain, Objective, Slowdown, decide
from dynofa_ros.runtime.decision.forecast import Basis
from dynofa_ros.runtime.decision.interference import Interference, Use

FAST_AND_SLOW = (Domain('fast', ('gpu',), (1e9,)), Domain('slow', ('npu',), (1e9,)))
PERIOD_S = 0.1


@pytest.fixture
def camera(app, make_point, make_profile):
    """Return a function for an application of 10 Hz: 50 ms on the GPU, 60 ms on the NPU.

    Beside each other on the GPU, two take 62.5 ms each and miss their deadline.
    """

    def camera(name, deadline_s=0.061, *, processors=('gpu', 'npu'), **changes):
        latency_s = {'gpu': 0.05, 'npu': 0.06}
        points = [
            make_point(
                processor=each,
                frequency_hz=1e9,
                latency_s=latency_s[each],
                energy_j=latency_s[each],
            )
            for each in processors
        ]
        slowdowns = dict.fromkeys(processors, Slowdown(1.0, 0.0))
        state = {'frame_period_s': PERIOD_S, 'slowdowns': slowdowns} | changes
        return app(make_profile(*points, app=name), deadline_s, **state)

    return camera


def choose(*apps, contention=0.5, **changes):
    """Return the processor of each application."""
    state = DecisionState(
        apps, FAST_AND_SLOW, contention=dict.fromkeys(('gpu', 'npu'), contention), **changes
    )
    return [choice.point.processor for choice in decide(state).choices]


def test_two_applications_that_would_disturb_each_other_spread(camera):
    assert sorted(choose(camera('a'), camera('b'))) == ['gpu', 'npu']


def test_without_contention_they_share_the_better_processor(camera):
    assert choose(camera('a'), camera('b'), contention=0.0) == ['gpu', 'gpu']


def test_an_unknown_contention_is_that_of_processor_sharing(camera):
    decision = decide(DecisionState((camera('a'), camera('b')), FAST_AND_SLOW))
    assert {each.point.processor for each in decision.choices} == {'gpu', 'npu'}


def test_an_application_makes_room_for_one_that_has_no_other_processor(camera):
    assert choose(camera('a'), camera('b', processors=('gpu',))) == ['npu', 'gpu']


def test_applications_that_were_piled_up_are_moved_apart(camera):
    """Both run on the GPU and are observed to be slow there."""
    slow = {'gpu': Slowdown(1.25, 0.0), 'npu': Slowdown(1.0, 0.0)}
    apps = [camera(name, slowdowns=slow) for name in 'ab']
    apps = [replace(each, current=each.profile.points[0]) for each in apps]
    assert sorted(choose(*apps, hysteresis=True)) == ['gpu', 'npu']


def test_an_application_moves_only_once_the_clock_of_the_other_processor_is_high_enough(
    app, clocked, make_profile
):
    """Small takes 20 ms at 1 GHz and 40 ms at 0.5 GHz on both processors."""
    points = [*clocked('a').points, *clocked('a', 'npu').points]
    slow = {'gpu': Slowdown(2.0, 0.0), 'npu': Slowdown(1.0, 0.0)}
    profile = make_profile(*points, app='a')
    current = profile.at(('small', 'torch', 'gpu', 1), 1e9)

    def decide_at(npu_hz):
        domains = (
            Domain('gpu', ('gpu',), (0.5e9, 1e9), frequency_hz=1e9, commanded_hz=1e9),
            Domain('npu', ('npu',), (0.5e9, 1e9), frequency_hz=npu_hz),
        )
        state = app(profile, 0.055, slowdowns=slow, current=current)
        return decide(DecisionState((state,), domains, hysteresis=True))

    low, high = decide_at(0.5e9), decide_at(1e9)
    assert low.clocks_hz == high.clocks_hz == {'npu': 1e9}
    assert low.choices[0].point.processor == 'gpu'
    assert low.choices[0].reason.startswith('until npu runs at 1000 MHz: ')
    assert high.choices[0].point.processor == 'npu'


def test_applications_that_are_apart_stay_apart(camera):
    first, second = camera('a'), camera('b')
    apart = [
        replace(first, current=first.profile.points[0]),
        replace(second, current=second.profile.points[1]),
    ]
    domains = tuple(replace(each, commanded_hz=1e9) for each in FAST_AND_SLOW)
    state = DecisionState(
        tuple(apart), domains, contention={'gpu': 0.5, 'npu': 0.5}, hysteresis=True
    )
    assert [each.point.processor for each in decide(state).choices] == ['gpu', 'npu']


def predicted(camera, observed, *, contention=0.5, before, after, loads=None):
    """Return the forecast, and the row on the GPU, for a load of the other application there."""
    period_s = math.nan if before == 1.0 else 0.05 / before if before else 1e6
    own = camera('a', slowdowns={'gpu': Slowdown(observed, 0.1)}, observed_loads=loads)
    apps = [running_on_gpu(own, observed_loads=loads)]
    apps.append(running_on_gpu(camera('b', frame_period_s=period_s)))
    interference = Interference(Basis.of(apps, DecisionPolicy()), {'gpu': contention})
    gpu = np.full(2, interference.basis.points.processors.index('gpu'))
    use = Use.of(gpu, np.array([0.5, after]), np.array([0.05, 0.04]))
    found = interference.basis.predict(interference.load(use))
    points = found.basis.points.tables[0].points
    return found, next(row for row, each in enumerate(points) if each.processor == 'gpu')


@pytest.mark.parametrize(
    ('observed', 'before', 'after', 'expected'),
    [
        (1.25, 0.5, 0.5, 1.25),  # as observed
        (1.25, 0.5, 0.0, 1.0),  # alone
        (2.5, 0.5, 0.0, 2.0),  # another program is there as well
        (1.0, 0.5, 0.0, 1.0),  # not faster than the profile
        (1.0, 0.0, 1.0, 1.5),
    ],
)
def test_the_observed_slowdown_holds_the_present_load(camera, observed, before, after, expected):
    forecast, row = predicted(camera, observed, before=before, after=after)
    found = forecast.slowdown(row)
    assert found.mean == pytest.approx(expected)
    assert found.std / found.mean == pytest.approx(0.1 / observed)


def test_the_load_of_the_observation_counts_if_it_is_known(camera):
    forecast, row = predicted(camera, 1.25, before=0.0, after=0.0, loads={'gpu': 0.5})
    assert forecast.slowdown(row).mean == pytest.approx(1.0)


def test_where_frames_take_turns_a_frame_waits_for_what_is_left_of_another(camera):
    """Half of the time, uniform up to 40 ms: not part of the inference."""
    found, row = predicted(camera, 1.0, contention=1.0, before=0.5, after=0.5)
    assert found.inference_s[row] == pytest.approx(0.05)
    assert found.latency.mean_s[row] == pytest.approx(0.05 + 0.01)
    variance = 0.005**2 + 0.5 * 0.04**2 / 3 - 0.01**2  # inference and wait
    # It is not done before the next image with two standard deviations to spare if that is 0.1 s.
    assert found.latency.std_s[row] == pytest.approx(math.sqrt(variance), rel=0.01)


def test_without_a_known_rate_an_application_is_always_busy(camera):
    apps = [camera(name, frame_period_s=math.nan) for name in 'ab']
    assert sorted(choose(*apps, contention=0.3)) == ['gpu', 'npu']


def running_on_gpu(application, observed_loads=MappingProxyType({})):
    """Return an application that runs on the GPU, observed without the load of others."""
    now = next(each for each in application.profile.points if each.processor == 'gpu')
    return replace(application, current=now, observed_loads=observed_loads)


def test_an_application_makes_room_for_another_though_it_is_better_off_itself(camera):
    """Both are late on the GPU; `a` is later on the NPU, but then `b` is in time."""
    apps = [
        running_on_gpu(camera('a', 0.055)),
        running_on_gpu(camera('b', 0.055, processors=('gpu',))),
    ]
    slow = {'gpu': Slowdown(1.0, 0.0), 'npu': Slowdown(1.2, 0.0)}
    apps[0] = replace(apps[0], slowdowns=slow)
    assert choose(*apps) == ['npu', 'gpu']


@pytest.mark.parametrize('objective', Objective)
def test_an_application_moves_to_the_frequency_at_which_it_meets_its_deadline(
    app, camera, make_point, make_profile, objective
):
    """On the NPU it takes 120 ms or, with more energy, 60 ms."""
    points = [
        make_point(processor=name, frequency_hz=hz, latency_s=latency_s, energy_j=energy_j)
        for name, hz, latency_s, energy_j in (
            ('gpu', 1e9, 0.05, 0.05), ('npu', 0.5e9, 0.12, 0.01), ('npu', 1e9, 0.06, 0.06)
        )
    ]  # fmt: skip
    exact = dict.fromkeys(('gpu', 'npu'), Slowdown(1.0, 0.0))
    first = app(make_profile(*points, app='a'), 0.061, slowdowns=exact, frame_period_s=PERIOD_S)
    apps = [running_on_gpu(first), running_on_gpu(camera('b', math.nan, processors=('gpu',)))]
    domains = (FAST_AND_SLOW[0], Domain('slow', ('npu',), (0.5e9, 1e9)))
    decision = decide(
        DecisionState(
            tuple(apps), domains, DecisionPolicy(objective),
            contention=dict.fromkeys(('gpu', 'npu'), 0.5),
        )
    )  # fmt: skip
    assert [each.point.processor for each in decision.choices] == ['npu', 'gpu']
    assert decision.choices[0].point.frequency_hz == 1e9


def test_less_load_of_the_others_leaves_time_for_more_accuracy(app, make_point, make_profile):
    """Both run large, 150 ms beside each other: small would be in time, but so is medium then."""
    points = [
        make_point(name, frequency_hz=1e9, latency_s=latency_s, accuracy=accuracy)
        for name, latency_s, accuracy in (
            ('small', 0.04, 0.7), ('medium', 0.05, 0.75), ('large', 0.1, 0.8)
        )
    ]  # fmt: skip
    apps = [
        replace(
            running_on_gpu(app(make_profile(*points, app=name), 0.07, frame_period_s=PERIOD_S)),
            current=points[-1],
        )
        for name in 'ab'
    ]
    state = DecisionState(tuple(apps), FAST_AND_SLOW[:1], contention={'gpu': 0.5})
    assert [each.point.subnet_id for each in decide(state).choices] == ['medium', 'medium']
