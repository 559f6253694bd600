# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Properties that hold for every profile, target, slowdown and power cap."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynofa_ros.runtime import (
    ApplicationState,
    BatteryObjective,
    DecisionPolicy,
    DecisionState,
    Domain,
    Objective,
    OperatingPoint,
    Profile,
    Slowdown,
    Target,
    decide,
)

CLOCKS = {'gpu': (3e8, 6e8, 9e8), 'cpu': (1e9, 2e9)}
DOMAINS = tuple(Domain(name, (name,), clocks) for name, clocks in CLOCKS.items())
ALONE = dict.fromkeys(CLOCKS, 0.0)  # applications do not disturb each other
PLACES = [(processor, clock) for processor, clocks in CLOCKS.items() for clock in clocks]

thorough = settings(max_examples=60, deadline=None)
objectives = st.sampled_from(list(Objective))
policies = st.builds(
    DecisionPolicy,
    objective=objectives,
    energy_weight=st.sampled_from([0.0, 0.2, 5.0]),
    power_cap_w=st.one_of(st.just(math.inf), st.floats(0.5, 60.0)),
)
weights = st.floats(0.0, 20.0)


def fractions(low, high):
    return st.integers(0, 20).map(lambda step: low + (high - low) * step / 20)


@st.composite
def profiles(draw, app='a'):
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 4), st.sampled_from(PLACES),
                fractions(0.005, 0.3), fractions(0.0, 0.03), fractions(0.01, 2.0),
            ),
            min_size=1, max_size=20, unique_by=lambda row: (row[0], row[1]),
        )
    )  # fmt: skip
    accuracies = draw(st.lists(fractions(0.5, 0.9), min_size=5, max_size=5))
    points = tuple(
        OperatingPoint(
            f's{subnet}', 'torch', processor, 1, clock, latency_s, std_s, energy_j,
            accuracies[subnet], 1, 1,
        )
        for subnet, (processor, clock), latency_s, std_s, energy_j in rows
    )  # fmt: skip
    return Profile(app, 'supernet', 'board', 'modelled', 'modelled', points)


slowdowns = st.fixed_dictionaries(
    {
        name: st.builds(Slowdown, mean=st.floats(0.5, 4.0), std=st.floats(0.0, 0.5))
        for name in CLOCKS
    }
)
targets = st.builds(
    Target,
    deadline_s=st.floats(0.005, 0.5),
    min_accuracy=st.floats(0.0, 1.0),
    priority=st.integers(-1, 1),
)


@st.composite
def applications(draw, names):
    """Draw applications that share the slowdown of each processor."""
    slowdown = draw(slowdowns)
    return tuple(ApplicationState(draw(profiles(name)), draw(targets), slowdown) for name in names)


def present_clocks():
    """Domains that run at one of their frequencies, not necessarily the one to be chosen."""
    return st.tuples(
        *(
            st.sampled_from(clocks).map(
                lambda clock, name=name, clocks=clocks: Domain(
                    name, (name,), clocks, frequency_hz=clock
                )
            )
            for name, clocks in CLOCKS.items()
        )
    )


def quantile_s(point, slowdown):
    """Independent of the code under test: profiled latency x slowdown + 1.645 sigma."""
    relative = max(slowdown.std, slowdown.mean * point.latency_std_s / point.latency_s)
    return point.latency_s * (slowdown.mean + 1.6448536269514722 * relative)


def power_w(point, slowdown):
    """Independent of the code under test: one frame after another."""
    return point.energy_j / (point.latency_s * slowdown.mean)


def run(*apps, domains=DOMAINS, policy=None, hysteresis=False):
    policy = policy or DecisionPolicy()
    return decide(DecisionState(apps, domains, policy, hysteresis=hysteresis, contention=ALONE))


@dataclasses.dataclass(frozen=True)
class Satisfiable:
    """An application whose targets are met at least by its point `witness`."""

    application: ApplicationState
    policy: DecisionPolicy
    witness: OperatingPoint

    @property
    def good(self):
        """All points that meet the targets."""
        target = self.application.target
        return [
            point
            for point in self.application.profile.points
            if quantile_s(point, self.application.slowdown(point.processor)) <= target.deadline_s
            and point.accuracy >= target.min_accuracy
        ]

    def choose(self, objective=Objective.MAX_ACCURACY, *, weight=0.0):
        """Return the point chosen without a power cap."""
        policy = DecisionPolicy(objective, energy_weight=weight)
        return run(self.application, policy=policy).choices[0].point

    def check(self, choice):
        """Assert that the choice meets the targets."""
        target = self.application.target
        assert choice.violated_targets == ()
        slowdown = self.application.slowdown(choice.point.processor)
        assert quantile_s(choice.point, slowdown) <= target.deadline_s * (1 + 1e-9)
        assert choice.point.accuracy >= target.min_accuracy - 1e-8


@st.composite
def satisfiable(draw):
    """Derive the targets from a point, so that no example is discarded."""
    profile, slowdown, policy = draw(profiles()), draw(slowdowns), draw(policies)
    looser = st.floats(1.001, 4.0)
    # On the Pareto front: a dominated point is not chosen even if it alone were within a cap.
    witness = draw(st.sampled_from(profile.table.points))
    target = Target(
        quantile_s(witness, slowdown[witness.processor]) * draw(looser),
        witness.accuracy * draw(st.floats(0.0, 0.999)),
        draw(st.integers(-1, 1)),
    )
    if math.isfinite(policy.power_cap_w):
        cap_w = power_w(witness, slowdown[witness.processor]) * draw(looser)
        policy = dataclasses.replace(policy, power_cap_w=cap_w)
    current = draw(st.sampled_from([None, *profile.points]))
    application = ApplicationState(profile, target, slowdown, current=current)
    return Satisfiable(application, policy, witness)


@thorough
@given(satisfiable(), st.booleans())
def test_no_target_is_violated_if_a_point_within_the_cap_meets_all(wanted, hysteresis):
    decision = run(wanted.application, policy=wanted.policy, hysteresis=hysteresis)
    choice = decision.choices[0]
    wanted.check(choice)
    slowdown = wanted.application.slowdown(choice.point.processor)
    assert power_w(choice.point, slowdown) <= wanted.policy.power_cap_w + 1e-8


@thorough
@given(satisfiable())
def test_max_accuracy_is_the_brute_force_optimum(wanted):
    point = wanted.choose()
    best = max(each.accuracy for each in wanted.good)
    assert point.accuracy == pytest.approx(best)
    least_j = min(each.energy_j for each in wanted.good if each.accuracy == best)
    assert point.energy_j == pytest.approx(least_j)


@thorough
@given(satisfiable())
def test_min_energy_is_the_brute_force_optimum(wanted):
    point = wanted.choose(Objective.MIN_ENERGY)
    assert point.energy_j == pytest.approx(min(each.energy_j for each in wanted.good))


@thorough
@given(satisfiable(), weights)
def test_weighted_is_the_brute_force_optimum(wanted, weight):
    point = wanted.choose(Objective.WEIGHTED, weight=weight)
    best = max(each.accuracy - weight * each.energy_j for each in wanted.good)
    assert point.accuracy - weight * point.energy_j == pytest.approx(best, abs=1e-8)


@thorough
@given(satisfiable(), st.tuples(weights, weights))
def test_a_larger_energy_weight_never_costs_energy(wanted, weights):
    low, high = (wanted.choose(Objective.WEIGHTED, weight=weight) for weight in sorted(weights))
    assert high.energy_j <= low.energy_j + 1e-6


@thorough
@given(satisfiable(), st.floats(1.0, 20.0))
def test_a_looser_deadline_never_costs_energy_at_the_same_floor(wanted, looser):
    """With and without a power cap."""
    policy = dataclasses.replace(wanted.policy, objective=Objective.MIN_ENERGY)
    target = wanted.application.target
    tight, loose = (
        run(
            dataclasses.replace(
                wanted.application,
                target=dataclasses.replace(target, deadline_s=factor * target.deadline_s),
            ),
            policy=policy,
        )
        for factor in (1.0, looser)
    )
    assert tight.power_cap_met
    assert tight.choices[0].violated_targets == ()
    assert loose.choices[0].point.energy_j <= tight.choices[0].point.energy_j + 1e-9


@thorough
@given(applications('ab'), policies, st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)))
def test_more_charge_never_lowers_accuracy(apps, policy, charges):
    accuracies = []
    for charge in sorted(charges):
        objective, _ = BatteryObjective(low=0.3, high=0.4).choose(charge)
        decision = run(*apps, policy=dataclasses.replace(policy, objective=objective))
        accuracies.append(sum(choice.point.accuracy for choice in decision.choices))
    assert accuracies[0] <= accuracies[1] + 1e-8


@thorough
@given(applications('ab'), policies)
def test_weighted_with_a_weight_of_zero_is_max_accuracy(apps, policy):
    weighted, accurate = (
        run(*apps, policy=dataclasses.replace(policy, objective=objective, energy_weight=0.0))
        for objective in (Objective.WEIGHTED, Objective.MAX_ACCURACY)
    )
    assert [each.point for each in weighted.choices] == [each.point for each in accurate.choices]


@thorough
@given(applications('abc'), policies, st.permutations(range(3)))
def test_the_order_of_applications_does_not_matter(apps, policy, order):
    assert run(*apps, policy=policy) == run(*(apps[index] for index in order), policy=policy)


@thorough
@given(applications('ab'), objectives)
def test_points_of_one_domain_agree_on_its_frequency(apps, objective):
    decision = run(*apps, policy=DecisionPolicy(objective))
    for each, choice in zip(apps, decision.choices, strict=True):
        clock_hz = decision.clocks_hz[choice.point.processor]
        assert choice.point == each.profile.at(choice.point.key, clock_hz)


@thorough
@given(applications('ab'))
def test_the_joint_choice_violates_no_more_deadlines_than_brute_force(apps):
    """With equal priorities, over all combinations of points at agreeing frequencies."""
    apps = [
        dataclasses.replace(each, target=dataclasses.replace(each.target, priority=0))
        for each in apps
    ]
    missed = sum('deadline' in choice.violated_targets for choice in run(*apps).choices)

    def reached(application, clocks):
        """Return the points profiled at the highest frequencies up to these."""
        points = application.profile.points
        highest_hz = {
            processor: max(
                (
                    each.frequency_hz
                    for each in points
                    if each.processor == processor and each.frequency_hz <= clock
                ),
                default=None,
            )
            for processor, clock in clocks.items()
        }
        return [each for each in points if each.frequency_hz == highest_hz[each.processor]]

    def fails(application, clocks):
        return all(
            quantile_s(each, application.slowdown(each.processor)) > application.target.deadline_s
            for each in reached(application, clocks)
        )

    every = [{'gpu': gpu, 'cpu': cpu} for gpu in CLOCKS['gpu'] for cpu in CLOCKS['cpu']]
    fewest = min(
        sum(fails(each, clocks) for each in apps)
        for clocks in every
        if all(reached(each, clocks) for each in apps)  # otherwise a latency is unknown
    )
    assert missed <= fewest


@thorough
@given(applications('a'), objectives, present_clocks())
def test_present_frequencies_do_not_change_the_choice(apps, objective, domains):
    policy = DecisionPolicy(objective)
    known, unknown = run(*apps, domains=domains, policy=policy), run(*apps, policy=policy)
    assert known.clocks_hz == unknown.clocks_hz
    assert known.choices[0].point == unknown.choices[0].point


def obeyed(state, decision, *, settled):
    """Return the state after `decision` was obeyed, before or after frequencies have settled."""

    def obey(domain):
        clock_hz = decision.clocks_hz.get(domain.name)
        if clock_hz is None:
            return domain
        present_hz = clock_hz if settled else domain.frequency_hz
        return dataclasses.replace(domain, commanded_hz=clock_hz, frequency_hz=present_hz)

    return dataclasses.replace(
        state,
        applications=tuple(
            dataclasses.replace(application, current=choice.point)
            for application, choice in zip(state.applications, decision.choices, strict=True)
        ),
        domains=tuple(map(obey, state.domains)),
        hysteresis=True,
    )


@thorough
@given(applications('ab'), policies, present_clocks(), st.data())
def test_a_decision_stands_until_something_changes(apps, policy, domains, data):
    """It flaps neither during the transition nor after it."""
    apps = tuple(
        dataclasses.replace(each, current=data.draw(st.sampled_from([None, *each.profile.points])))
        for each in apps
    )
    start = DecisionState(apps, domains, policy, contention=ALONE)
    decision = decide(start)
    for settled in (False, True):
        again = decide(obeyed(start, decision, settled=settled))
        assert [each.point for each in again.choices] == [each.point for each in decision.choices]
        assert again.clocks_hz == decision.clocks_hz
