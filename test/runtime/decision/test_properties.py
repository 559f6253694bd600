"""What must hold for every profile, target, slowdown and power cap."""

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
PLACES = [(processor, clock) for processor, clocks in CLOCKS.items() for clock in clocks]

thorough = settings(max_examples=60, deadline=None)
objectives = st.sampled_from(list(Objective))
policies = st.builds(
    DecisionPolicy,
    objective=objectives,
    energy_weight=st.sampled_from([0.0, 0.2, 5.0]),
    power_cap_w=st.one_of(st.just(math.inf), st.floats(0.5, 60.0)),
)


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
            f's{subnet}',
            'torch',
            processor,
            1,
            clock,
            latency,
            std,
            energy,
            accuracies[subnet],
            1,
            1,
        )
        for subnet, (processor, clock), latency, std, energy in rows
    )
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


def state(*applications, objective=Objective.MAX_ACCURACY, **changes):
    return DecisionState(applications, DOMAINS, DecisionPolicy(objective=objective), **changes)


def late_bound_s(point, slowdown):
    """Independent of the code under test: profiled latency x slowdown + 1.645 sigma."""
    relative = max(slowdown.std, slowdown.mean * point.latency_std_s / point.latency_s)
    return point.latency_s * (slowdown.mean + 1.6448536269514722 * relative)


def power_w(point, slowdown):
    """Independent of the code under test: one frame after another."""
    return point.energy_j / (point.latency_s * slowdown.mean)


def meets(point, target, slowdowns_now):
    late_s = late_bound_s(point, slowdowns_now[point.processor])
    return late_s <= target.deadline_s and point.accuracy >= target.min_accuracy


@dataclasses.dataclass(frozen=True)
class Satisfiable:
    """A profile and what at least its point `witness` keeps to."""

    profile: Profile
    slow: dict
    target: Target
    policy: DecisionPolicy
    witness: OperatingPoint

    @property
    def good(self):
        return [point for point in self.profile.points if meets(point, self.target, self.slow)]


@st.composite
def satisfiable(draw):
    """Made from a point, so that no example is thrown away."""
    profile, slow, policy = draw(profiles()), draw(slowdowns), draw(policies)
    looser = st.floats(1.001, 4.0)
    # One that no other beats: in the others not even a cap of power is a reason to look.
    witness = draw(st.sampled_from(profile.table.points))
    target = Target(
        late_bound_s(witness, slow[witness.processor]) * draw(looser),
        witness.accuracy * draw(st.floats(0.0, 0.999)),
        draw(st.integers(-1, 1)),
    )
    if math.isfinite(policy.power_cap_w):
        cap_w = power_w(witness, slow[witness.processor]) * draw(looser)
        policy = dataclasses.replace(policy, power_cap_w=cap_w)
    return Satisfiable(profile, slow, target, policy, witness)


@thorough
@given(satisfiable(), st.booleans(), st.data())
def test_no_target_is_violated_while_a_point_within_the_cap_meets_both(wanted, settled, data):
    profile, slow, target, policy = wanted.profile, wanted.slow, wanted.target, wanted.policy
    current = data.draw(st.sampled_from([None, *profile.points]))
    application = ApplicationState(profile, target, slow, current=current)
    decision = decide(DecisionState((application,), DOMAINS, policy, hysteresis=settled))
    choice = decision.choices[0]
    assert choice.violated_targets == ()
    assert power_w(choice.point, slow[choice.point.processor]) <= policy.power_cap_w + 1e-8
    late_s = late_bound_s(choice.point, slow[choice.point.processor])
    assert late_s <= target.deadline_s * (1 + 1e-9)
    assert choice.point.accuracy >= target.min_accuracy - 1e-8


@thorough
@given(satisfiable())
def test_max_accuracy_is_the_brute_force_optimum(wanted):
    application = ApplicationState(wanted.profile, wanted.target, wanted.slow)
    choice = decide(state(application)).choices[0]
    best = max(point.accuracy for point in wanted.good)
    assert choice.point.accuracy == pytest.approx(best)
    least = min(point.energy_j for point in wanted.good if point.accuracy == best)
    assert choice.point.energy_j == pytest.approx(least)


@thorough
@given(satisfiable())
def test_min_energy_is_the_brute_force_optimum(wanted):
    application = ApplicationState(wanted.profile, wanted.target, wanted.slow)
    choice = decide(state(application, objective=Objective.MIN_ENERGY)).choices[0]
    assert choice.point.energy_j == pytest.approx(min(point.energy_j for point in wanted.good))


@thorough
@given(satisfiable(), st.floats(1.0, 20.0))
def test_a_looser_deadline_never_costs_more_energy_at_the_same_floor(wanted, looser):
    """Neither within a power cap nor without one."""
    policy = dataclasses.replace(wanted.policy, objective=Objective.MIN_ENERGY)
    tight, loose = (
        decide(
            DecisionState(
                (
                    ApplicationState(
                        wanted.profile,
                        dataclasses.replace(
                            wanted.target, deadline_s=factor * wanted.target.deadline_s
                        ),
                        wanted.slow,
                    ),
                ),
                DOMAINS,
                policy,
            )
        )
        for factor in (1.0, looser)
    )
    assert tight.power_cap_met
    assert tight.choices[0].violated_targets == ()
    assert loose.choices[0].point.energy_j <= tight.choices[0].point.energy_j + 1e-9


@thorough
@given(
    st.tuples(profiles('a'), profiles('b')),
    st.tuples(targets, targets),
    slowdowns,
    policies,
    st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
)
def test_more_battery_never_lowers_accuracy(several, wanted, slow, policy, charges):
    accuracies = []
    for charge in sorted(charges):
        objective, _ = BatteryObjective(low=0.3, high=0.4).choose(charge)
        decision = decide(
            DecisionState(
                tuple(map(ApplicationState, several, wanted, (slow, slow))),
                DOMAINS,
                dataclasses.replace(policy, objective=objective),
            )
        )
        accuracies.append(sum(choice.point.accuracy for choice in decision.choices))
    assert accuracies[0] <= accuracies[1] + 1e-8


@thorough
@given(st.tuples(profiles('a'), profiles('b')), st.tuples(targets, targets), slowdowns, policies)
def test_weighted_without_a_weight_is_max_accuracy(several, wanted, slow, policy):
    chosen = [
        decide(
            DecisionState(
                tuple(map(ApplicationState, several, wanted, (slow, slow))),
                DOMAINS,
                dataclasses.replace(policy, objective=objective, energy_weight=0.0),
            )
        ).choices
        for objective in (Objective.WEIGHTED, Objective.MAX_ACCURACY)
    ]
    assert [each.settled_point for each in chosen[0]] == [each.settled_point for each in chosen[1]]


@thorough
@given(satisfiable(), st.floats(0.0, 20.0))
def test_weighted_is_the_brute_force_optimum(wanted, weight):
    policy = DecisionPolicy(objective=Objective.WEIGHTED, energy_weight=weight)
    application = ApplicationState(wanted.profile, wanted.target, wanted.slow)
    point = decide(DecisionState((application,), DOMAINS, policy)).choices[0].point
    best = max(each.accuracy - weight * each.energy_j for each in wanted.good)
    assert point.accuracy - weight * point.energy_j == pytest.approx(best, abs=1e-8)


@thorough
@given(satisfiable(), st.tuples(st.floats(0.0, 20.0), st.floats(0.0, 20.0)))
def test_the_more_a_joule_is_worth_the_less_is_taken(wanted, weights):
    cheap, dear = (
        decide(
            DecisionState(
                (ApplicationState(wanted.profile, wanted.target, wanted.slow),),
                DOMAINS,
                DecisionPolicy(objective=Objective.WEIGHTED, energy_weight=weight),
            )
        ).choices[0]
        for weight in sorted(weights)
    )
    assert dear.point.energy_j <= cheap.point.energy_j + 1e-6


@thorough
@given(
    st.tuples(profiles('a'), profiles('b'), profiles('c')),
    st.tuples(targets, targets, targets),
    slowdowns,
    policies,
    st.permutations(range(3)),
)
def test_the_order_of_applications_does_not_matter(several, wanted, slow, policy, order):
    applications = [
        ApplicationState(profile, target, slow)
        for profile, target in zip(several, wanted, strict=True)
    ]
    straight = decide(DecisionState(tuple(applications), DOMAINS, policy))
    shuffled = tuple(applications[index] for index in order)
    shuffled = decide(DecisionState(shuffled, DOMAINS, policy))
    assert straight == shuffled


@thorough
@given(profiles('a'), profiles('b'), targets, targets, slowdowns, objectives)
def test_points_of_one_domain_agree_on_its_clock(left, right, first, second, slow, objective):
    decision = decide(
        state(
            ApplicationState(left, first, slow),
            ApplicationState(right, second, slow),
            objective=objective,
        )
    )
    for choice in decision.choices:
        clock = decision.clocks_hz[choice.point.processor]
        assert choice.point == next(
            profile for profile in (left, right) if profile.app == choice.app
        ).at(choice.point.key, clock)


@thorough
@given(profiles('a'), profiles('b'), targets, targets, slowdowns)
def test_the_joint_choice_gives_up_as_little_as_brute_force(left, right, first, second, slow):
    """Of equal priority: no combination of points at agreeing clocks misses fewer deadlines."""
    one = ApplicationState(left, Target(first.deadline_s, first.min_accuracy), slow)
    two = ApplicationState(right, Target(second.deadline_s, second.min_accuracy), slow)
    missed = sum(
        'deadline' in choice.violated_targets for choice in decide(state(one, two)).choices
    )

    def fails(application, clocks):
        """Whether no point profiled at or below these clocks meets the deadline."""
        target, points = application.target, application.profile.points
        for processor, clock in clocks.items():
            profiled = [each.frequency_hz for each in points if each.processor == processor]
            below = [each for each in profiled if each <= clock]
            for point in points:
                here = point.processor == processor and below and point.frequency_hz == max(below)
                if here and late_bound_s(point, slow[processor]) <= target.deadline_s:
                    return False
        return True

    fewest = min(
        fails(one, {'gpu': gpu, 'cpu': cpu}) + fails(two, {'gpu': gpu, 'cpu': cpu})
        for gpu in CLOCKS['gpu']
        for cpu in CLOCKS['cpu']
    )
    assert missed <= fewest


def clocks_now():
    """Domains that run at one of their clocks, which need not be the one decided on."""
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


@thorough
@given(satisfiable(), objectives, clocks_now(), st.data())
def test_until_the_clocks_are_turned_no_target_is_violated_that_a_point_meets_now(
    wanted, objective, domains, data
):
    profile, target, slow, witness = wanted.profile, wanted.target, wanted.slow, wanted.witness
    domains = tuple(
        dataclasses.replace(domain, frequency_hz=witness.frequency_hz)
        if domain.name == witness.processor
        else domain
        for domain in domains
    )
    current = data.draw(st.sampled_from([None, *profile.points]))
    application = ApplicationState(profile, target, slow, current=current)
    policy = DecisionPolicy(objective=objective)
    choice = decide(DecisionState((application,), domains, policy)).choices[0]
    assert choice.violated_targets == ()
    late_s = late_bound_s(choice.point, slow[choice.point.processor])
    assert late_s <= target.deadline_s * (1 + 1e-9)


@thorough
@given(profiles(), targets, slowdowns, objectives, clocks_now())
def test_clocks_now_do_not_change_what_is_decided_for_then(
    profile, target, slow, objective, domains
):
    application = ApplicationState(profile, target, slow)
    policy = DecisionPolicy(objective=objective)
    here = decide(DecisionState((application,), domains, policy))
    anywhere = decide(DecisionState((application,), DOMAINS, policy))
    assert here.clocks_hz == anywhere.clocks_hz
    assert here.choices[0].settled_point == anywhere.choices[0].settled_point


def obeyed(state, decision, *, turned):
    """Return the state after `decision` was obeyed; `turned`: and the clocks are there."""
    return dataclasses.replace(
        state,
        applications=tuple(
            dataclasses.replace(
                application,
                current=choice.settled_point,
                interim=None if choice.point.key == choice.settled_point.key else choice.point.key,
            )
            for application, choice in zip(state.applications, decision.choices, strict=True)
        ),
        domains=tuple(
            dataclasses.replace(
                domain,
                commanded_hz=decision.clocks_hz[domain.name],
                frequency_hz=(decision.clocks_hz[domain.name] if turned else domain.frequency_hz),
            )
            if domain.name in decision.clocks_hz
            else domain
            for domain in state.domains
        ),
        hysteresis=True,
    )


@thorough
@given(profiles('a'), profiles('b'), targets, targets, slowdowns, policies, clocks_now(), st.data())
def test_a_decision_stands_until_something_changes(
    left, right, first, second, slow, policy, domains, data
):
    """Neither while the clocks are on their way nor when they are there does anything flap."""
    start = DecisionState(
        tuple(
            ApplicationState(
                profile, target, slow, current=data.draw(st.sampled_from([None, *profile.points]))
            )
            for profile, target in ((left, first), (right, second))
        ),
        domains,
        policy,
    )
    decision = decide(start)
    what = [(choice.point, choice.settled_point) for choice in decision.choices]
    on_its_way = decide(obeyed(start, decision, turned=False))
    assert [(choice.point, choice.settled_point) for choice in on_its_way.choices] == what
    assert on_its_way.clocks_hz == decision.clocks_hz
    there = decide(obeyed(start, decision, turned=True))
    assert [choice.point for choice in there.choices] == [goal for _, goal in what]
    assert there.clocks_hz == decision.clocks_hz
