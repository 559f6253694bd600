# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The benchmark of the runtime manager: its runs, its measures and its page."""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from dynofa_ros.simulation.scenario import CoRunner

DOCS = Path(__file__).resolve().parents[2] / 'docs'


@pytest.fixture(scope='module')
def runtime(load):
    return load('runtime')


@pytest.fixture(scope='module')
def runs(load):
    return load('runtime_runs')


@pytest.fixture(scope='module')
def measures(load):
    return load('runtime_measures')


@pytest.fixture(scope='module')
def written(runtime, tmp_path_factory):
    """Run the trial once; return the folder with its files."""
    folder = tmp_path_factory.mktemp('runtime')
    files = {'--json': 'runtime.json', '--pictures': 'pictures', '--page': 'results.md'}
    arguments = [each for key, name in files.items() for each in (key, str(folder / name))]
    assert runtime.main(['--quick', '--scenarios', 'paper_trace', *arguments]) == 0
    return folder


@pytest.fixture(scope='module')
def document(written):
    return json.loads((written / 'runtime.json').read_text())


@pytest.fixture(scope='module')
def page(written):
    return (written / 'results.md').read_text()


def test_figures_and_page_state_that_they_are_simulated(document, page):
    assert document['simulated'] is True
    assert 'ALL FIGURES ARE SIMULATED' in page.splitlines()[2]


def test_the_figures_contain_machine_and_settings(document):
    assert document['machine']['cores'] >= 1
    settings = document['settings']
    assert (settings['seeds'], settings['scenarios']) == (2, ['paper_trace'])
    assert settings['profile_error'] == 0.1


def test_every_measure_of_a_scenario_is_a_mean_with_half_its_interval(document, measures):
    (row,) = document['rows']
    assert set(row['measures']) == set(measures.MEASURES)
    for mean, half in row['measures'].values():
        assert mean is not None
        assert half >= 0.0


def test_every_policy_has_one_row_of_figures(document, runtime):
    found = [each['policy'] for each in document['policies']]
    assert set(runtime.POLICIES) <= set(found)
    assert len(found) == len(set(found))


def test_each_row_is_a_line_of_the_file(document, written):
    lines = (written / 'runtime.json').read_text().splitlines()
    entries = [line.rstrip(',') for line in lines if line.startswith('{"')]
    assert [json.loads(line) for line in entries] == document['rows'] + document['policies']


def test_the_saved_energy_agrees_with_the_energies_of_the_policies(document, measures):
    """The mean of ratios is near the ratio of means, as seeds differ little."""
    energy = {each['policy']: each['frame_energy_j'][0] for each in document['policies']}
    governor = measures.PERFORMANCE
    ours, theirs = measures.SAVING[governor]['ours'], measures.REFERENCES[governor]
    saved = document['rows'][0]['measures'][f'frame energy saved, {governor}'][0]
    assert saved == pytest.approx(100 * (1 - energy[ours] / energy[theirs]), abs=0.5)


def test_the_page_is_short_and_shows_the_six_measures(page):
    assert len(page.splitlines()) <= 200
    for number in range(1, 6):
        assert f'| {number}. ' in page
    assert '## The share of a core that managing takes' in page


def test_the_page_shows_each_scenario_with_its_reference(document, page):
    (row,) = document['rows']
    (line,) = (each for each in page.splitlines() if each.startswith('| `paper_trace` |'))
    assert f'`{row["references"]["performance"]}`' in line


def test_the_page_judges_every_goal(page, load):
    for goal in load('runtime_page').CEILINGS:
        (line,) = (each for each in page.splitlines() if each.startswith(f'| {goal.measure}: mean'))
        assert line.endswith((': met |', ': **missed** |'))


def test_the_page_links_figures_and_pictures_relative_to_its_own_folder(page):
    assert '](runtime.json)' in page
    assert '](pictures/runtime_energy_saved.png)' in page
    assert '](pictures/runtime_latency_paper_trace_jetson_xavier_nx.png)' in page


def test_the_page_shows_the_measured_cost_of_the_manager(load, document):
    goal = {'name': 'manager, idle [part of a core]', 'goal': 0.005, 'met': True}
    row = {'version': 'this version', 'case': 'idle', 'share': 0.004}
    cost = {
        'machine': {'cpu': 'some CPU'},
        'rows': [row, row | {'version': 'other version', 'share': 0.05}],
        'goals': [goal],
    }
    text = load('runtime_page').page(document, figures='runtime.json', cost=cost)
    assert '| idle | 0.40 % | 0.5 %: met |' in text
    assert '5.00 %' not in text
    assert 'not simulated' in text


def test_the_published_page_is_that_of_the_published_figures(load, tmp_path):
    page = tmp_path / 'docs' / 'results.md'
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'docs' / 'results').symlink_to(DOCS / 'results')
    figures = tmp_path / 'docs' / 'results' / 'runtime.json'
    assert load('runtime_page').main([str(figures), str(page)]) == 0
    assert page.read_text() == (DOCS / 'results.md').read_text()


def test_damaged_figures_are_a_one_line_error(load, tmp_path, capsys):
    file = tmp_path / 'runtime.json'
    file.write_text('{')
    assert load('runtime_page').main([str(file), str(tmp_path / 'page.md')]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f'runtime_page: {file}: ')
    assert error.count('\n') == 1


def test_pictures_are_png(written):
    found = sorted((written / 'pictures').iterdir())
    assert [each.name for each in found] == [
        'runtime_energy_saved.png',
        'runtime_latency_paper_trace_jetson_xavier_nx.png',
        'runtime_missed.png',
    ]
    assert all(each.read_bytes().startswith(b'\x89PNG') for each in found)


def test_a_dropped_image_counts_as_missed_and_has_no_accuracy(runs):
    scenario = runs.scenario_of('paper_trace')
    events = [
        {'app': 'camera', 'arrived_s': 0.0, 'latency_s': 0.05, 'accuracy': 0.7},
        {'app': 'camera', 'arrived_s': 0.1},
        {'app': 'camera', 'arrived_s': 0.2, 'latency_s': 0.061, 'accuracy': 0.7},
    ]
    found = runs.images_of(scenario.applications[0], events)
    assert [each.met for each in found] == [True, False, False]
    assert [each.accuracy for each in found] == [0.7, 0.0, 0.7]


def test_contention_steps_are_co_runners_that_grow_and_applications_that_join(runs):
    scenario = runs.scenario_of('paper_trace')
    (plan,) = scenario.applications
    first = dataclasses.replace(
        plan, targets=plan.targets[:1], join_s=0.0, leave_s=math.inf, name='first'
    )
    second = dataclasses.replace(
        first, name='second', join_s=20.0, targets=(dataclasses.replace(plan.targets[0], at_s=0.0),)
    )
    scenario = dataclasses.replace(
        scenario,
        duration_s=30.0,
        applications=(first, second),
        co_runners=(
            CoRunner('gpu', 5.0, 0.5),
            CoRunner('gpu', 7.0, 0.2),
            CoRunner('gpu', 9.0, 0.9),
        ),
    )
    assert list(runs.contention_steps(scenario)) == [(5.0, 7.0), (9.0, 14.0), (20.0, 25.0)]


def test_a_requirement_only_tightens_the_targets_of_a_scenario(runs):
    scenario = runs.scenario_of('changing_deadlines')
    required = runs.Requirement('min_energy', {'camera': 0.75}, {'camera': 0.06}).apply(scenario)
    pairs = zip(scenario.applications[0].targets, required.applications[0].targets, strict=True)
    for before, after in pairs:
        assert after.target.deadline_s == min(0.06, before.target.deadline_s)
        assert after.target.min_accuracy == max(0.75, before.target.min_accuracy)
    assert required.objective == 'min_energy'


def test_the_interval_is_that_of_students_t(measures):
    interval = measures.Interval.of([1.0, 2.0, 3.0])  # s = 1, n = 3, t = 4.303
    assert interval.mean == 2.0
    assert interval.half == pytest.approx(4.303 / math.sqrt(3), rel=1e-3)


def test_the_interval_of_one_seed_is_unknown(measures):
    assert math.isnan(measures.Interval.of([1.0]).half)


def test_a_figure_is_unknown_if_it_is_in_any_seed(measures):
    assert math.isnan(measures.Interval.of([1.0, math.nan]).mean)


def make_run(runs, name, *, missed=0, accuracy=0.75, energy_j=1.0):
    """Return a run of 100 images, the first of which are late."""
    images = tuple(
        runs.Image('camera', float(index), 0.05, index >= missed, accuracy) for index in range(100)
    )
    case = runs.Case('p', 'steady', '', name, 0)
    return runs.Run(case, images, energy_j, energy_j, {'camera': accuracy}, {'camera': 0.1}, 0, 0)


@pytest.mark.parametrize(
    ('missed', 'expected'), [((0, 5, 6), 'medium'), ((0, 6, 7), 'small'), ((9, 8, 10), 'medium')]
)
def test_the_reference_is_the_most_accurate_that_keeps_the_promise(
    measures, runs, missed, expected
):
    names, accuracies = ('small', 'medium', 'large'), (0.7, 0.75, 0.8)
    tried = [
        make_run(runs, name, missed=count, accuracy=accuracy)
        for name, count, accuracy in zip(names, missed, accuracies, strict=True)
    ]
    assert measures.best_static(tried).case.policy == expected


@pytest.mark.parametrize(
    ('scenario', 'kind'), [('steady', 'static='), ('two_applications', 'static-best')]
)
def test_the_reference_is_searched_for_a_single_application_only(measures, scenario, kind):
    """Some sub-networks of the shipped file run on the CPU only: they are not simulated."""
    found = measures.hindsight_policy(
        'jetson_xavier_nx', scenario, 'performance', seed=0, profile_error=0.0
    )
    assert found.startswith(kind)
    assert found.endswith(':performance')


def test_a_saving_may_lose_half_a_point_to_the_reference(measures, runs):
    first = {label: make_run(runs, label) for label in measures.REFERENCES.values()}
    needed = measures.saving_runs(first)
    policy, required = needed[measures.SAVING['performance']['ours']]
    assert (policy, required.objective, required.deadline_s) == ('ours', 'min_energy', {})
    assert required.min_accuracy['camera'] == pytest.approx(0.745)
    _, as_fast = needed[measures.AS_FAST['performance']]
    assert as_fast.deadline_s['camera'] == pytest.approx(0.11)


def test_effective_accuracy_counts_a_late_image_as_wrong(runs):
    assert make_run(runs, 'x', missed=20).effective_accuracy == pytest.approx(0.6)


def test_a_saving_is_the_share_of_the_reference_energy_that_is_not_used(measures, runs):
    ours, theirs = make_run(runs, 'a', energy_j=0.6), make_run(runs, 'b', energy_j=0.8)
    assert measures.percent_saved([ours], [theirs], 'frame_energy_j') == pytest.approx([25.0])


@pytest.mark.parametrize(
    ('lost', 'missed', 'reference', 'kept'),
    [(0.5, 6.0, 0.0, True), (0.6, 0.0, 0.0, False), (0.0, 6.1, 0.0, False), (0.0, 7.0, 7.0, True)],
)
def test_a_saving_keeps_accuracy_and_misses(measures, lost, missed, reference, kept):
    values = {
        'accuracy lost, performance': [lost],
        'missed, saving, performance': [missed],
        'missed, reference, performance': [reference],
    }
    assert measures.kept_conditions(values, 'performance') is kept


def test_overall_is_the_mean_over_scenarios_and_the_worst_one(measures):
    name = 'missed, max_accuracy'
    found = measures.overall({'a': {name: [1.0, 3.0]}, 'b': {name: [5.0, 7.0]}, 'c': {}})[name]
    assert found.mean.mean == 4.0
    assert (found.worst, found.worst_scenario) == (6.0, 'b')


def test_the_share_of_the_oracle_leaves_out_scenarios_in_which_it_is_no_bound(measures):
    name = 'frame energy saved, performance'
    kept = {
        f'{each}, performance': [0.0]
        for each in ('accuracy lost', 'missed, saving', 'missed, reference')
    }
    by_scenario = {
        'steady': {name: [18.0], f'{name}, oracle': [20.0]} | kept,
        'heat': {name: [50.0], f'{name}, oracle': [1.0]} | kept,
        'less accurate': {name: [50.0], f'{name}, oracle': [1.0]}
        | kept
        | {'accuracy lost, performance': [0.9]},
    }
    assert measures.oracle_share(by_scenario, 'frame') == pytest.approx(0.9)


@pytest.mark.parametrize(
    ('option', 'error'),
    [
        (['--platforms', 'nope'], "platform is 'nope'"),
        (['--scenarios', 'nope'], "scenario is 'nope'"),
        (['--seeds', '0'], "'0'; expected an integer above 0"),
        (['--profile-error', '2'], "'2'; expected 0 to 1"),
        (['--page', 'page.md'], '--page needs --json and --pictures'),
    ],
)
def test_a_wrong_option_is_refused(refusal, option, error):
    assert error in refusal('runtime', option)
