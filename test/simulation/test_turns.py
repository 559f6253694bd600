# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frames that take turns on a processor of the simulation."""

import dataclasses

import pytest
from pytest import approx

from dynofa_ros.simulation.policies.policy import Policy

LARGE = ('large', 'modelled', 'gpu', 1)
SMALL = ('small', 'modelled', 'gpu', 1)


class TakingTurns(Policy):
    """Runs the large network on the GPU."""

    takes_turns = True

    def joined(self, application):
        application.switch(LARGE)


@pytest.fixture
def frames(sim):
    """Return a function that simulates applications and returns the frames by application."""

    def run(*applications, policy=TakingTurns, **changes):
        sim(lambda setup: policy(), *applications, **changes)
        fields = ('arrived_s', 'queue_s', 'latency_s')
        return {each.name: sim.of('frame', *fields, app=each.name) for each in applications}

    return run


def test_the_second_of_two_frames_waits_and_its_wait_counts(sim, frames):
    found = frames(sim.app('a', deadline_s=0.03), sim.app('b', deadline_s=0.06), duration_s=0.1)
    assert found == {'a': [approx((0.0, 0.0, 0.025))], 'b': [approx((0.0, 0.025, 0.05))]}


def test_the_earliest_deadline_has_the_next_turn(sim, frames):
    apps = (
        sim.app('a', deadline_s=0.2),
        sim.app('b', join_s=0.001, deadline_s=0.2),
        sim.app('c', join_s=0.002, deadline_s=0.1),
    )
    found = frames(*apps, duration_s=0.1)
    assert found['c'] == [approx((0.002, 0.023, 0.048))]
    assert found['b'] == [approx((0.001, 0.049, 0.074))]


def test_a_frame_that_waits_for_too_long_runs_beside_the_other(sim, frames):
    class Impatient(TakingTurns):
        def longest_wait_s(self, application, image):
            return 0.01

    found = frames(sim.app('a'), sim.app('b'), policy=Impatient, duration_s=0.1)
    # From 10 to 40 ms both run at half of the speed.
    assert found == {'a': [approx((0.0, 0.0, 0.04))], 'b': [approx((0.0, 0.01, 0.05))]}


@pytest.mark.parametrize(('contention', 'latency_s'), [(0.89, 0.025 * 1.89), (0.9, 0.025)])
def test_turns_depend_on_the_contention_of_the_processor(sim, frames, contention, latency_s):
    gpu = dataclasses.replace(sim.board.processors['gpu'], contention=contention)
    sim.board = dataclasses.replace(sim.board, processors={**sim.board.processors, 'gpu': gpu})
    found = frames(sim.app('a'), sim.app('b'), duration_s=0.1)
    assert found['a'][0][2] == approx(latency_s)


def test_a_policy_that_takes_no_turns_runs_frames_beside_each_other(sim, frames):
    class Beside(TakingTurns):
        takes_turns = False

    found = frames(sim.app('a'), sim.app('b'), policy=Beside, duration_s=0.1)
    assert [each[2] for one in found.values() for each in one] == approx([0.05, 0.05])


@pytest.mark.parametrize(
    ('leaving', 'latency_s'), [('a', 0.035), ('b', 0.075 - 0.025)], ids=['its holder', 'in wait']
)
def test_an_application_that_leaves_ends_its_turn(sim, frames, leaving, latency_s):
    leave_s = {leaving: 0.01}
    apps = [sim.app(each, leave_s=leave_s.get(each, 1.0)) for each in 'abc']
    found = frames(*apps, duration_s=0.1)
    first = 'b' if leaving == 'a' else 'c'
    assert found[first][0][2] == approx(latency_s)


def test_a_frame_whose_processor_changes_while_it_waits_runs_there(sim, frames):
    class Moving(TakingTurns):
        def joined(self, application):
            super().joined(application)
            if application.plan.name == 'b':
                key = ('small', 'modelled', 'cpu', 4)
                self.system.queue.at(0.01, lambda: application.switch(key))

    apps = (sim.app('a'), sim.app('b', processors=('gpu', 'cpu')))
    found = frames(*apps, policy=Moving, duration_s=0.1)
    # From 25 ms on: 4 MFLOP on four cores of 0.01 FLOP a cycle at 2 GHz take 50 ms.
    assert found['b'] == [approx((0.0, 0.025, 0.075))]


class Choosing(Policy):
    """Runs the small network in frames whose image has waited."""

    def joined(self, application):
        application.switch(LARGE)

    def choose_option(self, application, image):
        assert application.deadline_s(image) == 0.1
        waited = self.system.queue.now_s > image.arrived_s
        return application.execution_options[SMALL] if waited else application.selected


def test_a_policy_may_choose_what_a_frame_runs_when_it_starts(sim):
    sim(lambda setup: Choosing(), sim.app(period_s=0.02), duration_s=0.1)
    ran = sim.of('frame', 'subnet_id')
    commanded = [each['subnet_id'] for each in sim.of('frame', 'commanded')]
    # The second image waits for 5 ms; the third comes after its end.
    assert ran[:3] == ['large', 'small', 'large']
    assert set(commanded) == {'large'}
    assert sim.of('switch') == []


def test_a_frame_must_run_on_the_processor_that_was_selected(sim):
    class Elsewhere(TakingTurns):
        def choose_option(self, application, image):
            return application.execution_options['large', 'modelled', 'cpu', 1]

    with pytest.raises(ValueError, match=r'processor of a frame is cpu; expected .* gpu'):
        sim(lambda setup: Elsewhere(), sim.app(processors=()))


def test_ours_takes_turns(sim):
    result = sim('ours', sim.app('a', deadline_s=0.03), sim.app('b', deadline_s=0.06))
    assert [each.misses for each in result.applications.values()] == [0, 0]
    assert max(sim.of('frame', 'queue_s', app='b')) > 0.0
