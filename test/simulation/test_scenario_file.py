# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The file of a scenario: no key missing, no key unknown, every value within its range."""

import math

import pytest
import yaml

from dynofa_ros.platform import PlatformError, load_platform
from dynofa_ros.share import share_path
from dynofa_ros.simulation import load_scenario, simulate


def processors_of(scenario):
    loaded = load_scenario(scenario)
    used = {each for application in loaded.applications for each in application.processors}
    return used | {each.processor for each in loaded.co_runners}


SHIPPED = sorted(path.stem for path in share_path('config/scenarios').glob('*.yaml'))
PLATFORMS = sorted(path.stem for path in share_path('config/platforms').glob('*.yaml'))
POSSIBLE = [
    (platform, scenario)
    for platform in PLATFORMS
    for scenario in SHIPPED
    if processors_of(scenario) <= set(load_platform(platform).processors)
]
"""A scenario on the GPU needs a board whose GPU runs networks."""
BURSTS = 'applications.camera.bursts'
CONTENT = {
    'name': 'test',
    'description': 'a test',
    'duration_s': 5.0,
    'networks': 'dynamic_ofa',
    'applications': {
        'camera': {
            'period_s': 0.1,
            'processors': ['gpu'],
            'targets': [{'deadline_s': 0.06}, {'at_s': 1.0, 'min_accuracy': 0.75}],
        }
    },
    'co_runners': [{'processor': 'gpu', 'at_s': 2.5, 'utilisation': 0.41}],
}


@pytest.fixture
def write(write_changed):
    """Write a scenario with one field changed, or removed (`...`); return the path."""

    def write(field='', value=..., **others):
        return write_changed(CONTENT, ({field: value} if field else {}) | others)

    return write


@pytest.mark.parametrize('stated', ['drift', {'kind': 'drift', 'time_constant_s': 2.0}])
def test_a_distribution_is_a_name_or_a_section(write, stated):
    distribution = load_scenario(write('latency_distribution', stated)).latency_distribution
    assert distribution.kind == 'drift'
    assert math.isnan(distribution.time_constant_s) == isinstance(stated, str)


@pytest.mark.parametrize(('platform', 'scenario'), POSSIBLE)
def test_every_shipped_scenario_runs_on_every_shipped_platform(scenario, platform):
    result = simulate(load_platform(platform), load_scenario(scenario), 'static-best', 0)
    assert all(each.frames > 0 for each in result.applications.values())


@pytest.mark.parametrize('platform', PLATFORMS)
def test_every_shipped_platform_has_a_scenario(platform):
    assert platform in {each for each, _ in POSSIBLE}


def test_a_change_of_targets_keeps_the_others(write):
    first, second = load_scenario(write()).applications[0].targets
    assert (first.target.deadline_s, first.target.min_accuracy) == (0.06, 0.0)
    assert (second.target.deadline_s, second.target.min_accuracy) == (0.06, 0.75)


def test_an_application_may_have_sub_networks_of_its_own(write, tmp_path):
    own = tmp_path / 'own.yaml'
    network = {'accuracy': 0.5, 'flops': 1000, 'parameters': 10, 'layers': 2}
    sets = {'one': {'source': 'a test', 'networks': {'only': network}}}
    own.write_text(yaml.safe_dump({'supernet': 'own', 'sets': sets}))
    plan = load_scenario(write('applications.camera.networks', str(own))).applications[0]
    assert [each.subnet_id for each in plan.networks.networks] == ['only']


def test_an_application_may_have_some_of_the_sub_networks(write):
    path = write('applications.camera.subnets', ['nets_7_1', 'nets_6_3'])
    plan = load_scenario(path).applications[0]
    assert [each.subnet_id for each in plan.networks.networks] == ['nets_7_1', 'nets_6_3']


def test_optional_keys_have_defaults(write):
    scenario = load_scenario(write('co_runners'))
    plan = scenario.applications[0]
    assert scenario.co_runners == ()
    assert (scenario.latency_jitter, scenario.battery_initial) == (0.03, 1.0)
    assert (scenario.power_cap_w, scenario.mission_s) == (0.0, 0.0)
    assert (plan.join_s, plan.leave_s, plan.overhead_s) == (0.0, math.inf, 0.0)


@pytest.mark.parametrize(
    ('field', 'value', 'named'),
    [
        ('duration_s', ..., 'duration_s is missing; expected a finite number above 0'),
        ('duration_s', 0, 'duration_s is 0; expected a finite number above 0'),
        ('duration_s', '1e3', "duration_s is '1e3'; expected a finite number above 0 .*1.0e"),
        ('duration_s', True, 'duration_s is True'),
        ('battery_initial', 1.5, 'battery_initial is 1.5; expected a finite number from 0 to 1'),
        ('latency_jitter', -0.1, 'latency_jitter is -0.1'),
        ('profile_error', -0.1, 'profile_error is -0.1; expected a finite number from 0 to 1'),
        ('profile_errors', {'nets_6_1': 0.0}, 'profile_errors.nets_6_1 is 0.0; .* from 0.1 to 10'),
        ('profile_errors', {'nope': 2.0}, "profile_errors is 'nope'; expected names .* nets_6_1"),
        ('latency_distribution', 'cauchy', "distribution.kind is 'cauchy'; .* one of lognormal"),
        (
            'latency_distribution',
            {'kind': 'drift', 'x': 1},
            'x is 1; .* only the keys',
        ),
        (
            'latency_distribution',
            {'kind': 'drift', 'tail_share': 0.1},
            'latency_distribution.tail_share is 0.1; expected only the keys kind, time_constant_s',
        ),
        ('objective', 'fun', "objective is 'fun'; expected one of auto"),
        ('color', 1, 'color is 1; expected only the keys'),
        ('networks', 'nope', "networks is 'nope'; expected .* one of dynamic_ofa"),
        ('networks', ..., r'applications\.camera\.networks is missing'),
        ('applications', {}, r'applications is \[\]; expected at least one'),
        ('applications', [], r'applications is \[\]; expected a mapping'),
        ('applications.camera.period_s', -1.0, r'applications\.camera\.period_s is -1.0'),
        ('applications.camera.period_jitter', 0.5, r'period_jitter is 0.5'),
        ('applications.camera.overhead_s', -1.0, r'overhead_s is -1.0'),
        ('applications.camera.leave_s', 0.0, r'leave_s is 0.0; expected after join_s, 0'),
        ('applications.camera.join_s', math.inf, r'join_s is inf'),
        ('applications.camera.processors', 'gpu', r"processors is 'gpu'; expected a list"),
        ('applications.camera.processors', [1], r'processors\[0\] is 1'),
        ('applications.camera.subnets', ['nope'], r"camera\.subnets is 'nope'; .* nets_6_1"),
        ('applications.camera.subnets', ['nets_6_1'] * 2, r"\['nets_6_1'\]; .* once"),
        ('applications.camera.subnets', [], r'networks is \[\]; expected at least one'),
        ('applications.camera.targets', [], r'targets is \[\]; expected the first of'),
        ('applications.camera.targets', {}, r'targets is {}; expected a list'),
        ('applications.camera.targets.0', {}, r'deadline_s is nan'),
        ('applications.camera.targets.0.at_s', 0.5, r'at or before join_s, 0'),
        (
            'applications.camera.targets.1.at_s',
            0.0,
            r'targets\[1\]\.at_s is 0.0; expected ascending times: above 0 here',
        ),
        ('applications.camera.targets.0.deadline_s', -1.0, r'targets\[0\].*deadline_s is -1'),
        ('applications.camera.targets.0.priority', 0.5, r'priority is 0.5; .* whole'),
        ('applications.camera.targets.0.color', 1, r'targets\[0\]\.color is 1'),
        ('ambient_c', math.inf, 'ambient_c is inf'),
        ('ambient_c', math.nan, 'ambient_c is nan'),
        ('applications.camera.leave_s', math.inf, 'leave_s is inf'),
        ('networks', 'model:none', r"camera\.networks: .*'none'"),
        ('ambient_c', 'warm', "ambient_c is 'warm'; expected a finite number$"),
        ('power_cap_w', -1.0, 'power_cap_w is -1.0; expected a finite number of at least 0'),
        ('mission_s', math.inf, 'mission_s is inf'),
        ('mission_s', 'long', "mission_s is 'long'; expected a finite number"),
        ('battery_energy_j', 0.0, 'battery_energy_j is 0.0; expected .* above 0'),
        ('outages', [{'topic': 'x', 'at_s': 1, 'until_s': 2}], "topic is 'x'; .* battery"),
        (
            'outages',
            [{'topic': 'battery', 'at_s': 2, 'until_s': 2}],
            'until_s is 2.0; .* after at_s',
        ),
        ('outages', [{'topic': 'battery', 'at_s': 2}], r'outages\[0\]\.until_s is missing'),
        (BURSTS, [{'at_s': 1, 'until_s': 2, 'period_s': 0}], r'bursts\[0\]\.period_s is 0;'),
        (BURSTS, [{'at_s': 2, 'until_s': 1, 'period_s': 1}], 'until_s is 1.0; .* after at_s'),
        (
            BURSTS,
            [{'at_s': 1, 'until_s': 3, 'period_s': 1}, {'at_s': 2, 'until_s': 4, 'period_s': 1}],
            r'bursts\[1\]\.at_s is 2.0; expected at or after .* 3',
        ),
        ('co_runners', {}, r'co_runners is {}; expected a list'),
        ('co_runners.0.utilisation', 1.5, r'co_runners\[0\]\.utilisation is 1.5'),
        ('co_runners.0.at_s', -1, r'co_runners\[0\]\.at_s is -1;'),
    ],
)
def test_an_invalid_value_is_refused_by_name(write, field, value, named):
    path = write(field, value)
    with pytest.raises(PlatformError, match=named) as caught:
        load_scenario(path)
    assert field in ('networks', 'applications') or path in str(caught.value)


def test_the_demo_of_the_paper_takes_two_steps_in_the_published_time():
    seen = []
    simulate('jetson_xavier_nx', 'paper_trace', 'stepping', 0, trace=seen.append)
    switches_s = [each['at_s'] for each in seen if each['event'] == 'switch']
    after = [e for e in seen if e['event'] == 'frame' and e['arrived_s'] > switches_s[-1] + 0.6]
    assert len(switches_s) == 2
    assert after[0]['at_s'] == pytest.approx(8.6, abs=0.4)
    assert sum(each['latency_s'] for each in after) / len(after) < 0.06


def test_an_unknown_scenario_is_refused_with_the_known_ones():
    with pytest.raises(PlatformError, match=r"scenario is 'nope'; expected .* paper_trace"):
        load_scenario('nope')


def test_faults_of_all_applications_are_reported_at_once(write):
    rear = {'period_s': 0.1, 'targets': [], 'networks': 'dynamic_ofa'}
    path = write('applications.rear', rear, **{'applications.camera.subnets': ['nope']})
    with pytest.raises(PlatformError) as caught:
        load_scenario(path)
    fields = [each.field for each in caught.value.faults]
    assert fields == ['applications.camera.subnets', 'applications.rear.targets']
    assert all(line.startswith(path) for line in str(caught.value).splitlines())
