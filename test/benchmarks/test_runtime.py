# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The benchmark of the runtime manager: its figures, its goals and its page."""

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
def figures(load):
    return load('runtime_figures')


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


def make_images(runs, *met, start_s=0.0):
    return [
        runs.Image('camera', start_s + index, 0.05, bool(each)) for index, each in enumerate(met)
    ]


def test_figures_and_page_state_that_they_are_simulated(document, written):
    assert document['simulated'] is True
    assert 'ALL FIGURES ARE SIMULATED' in (written / 'results.md').read_text().splitlines()[2]


def test_the_figures_contain_machine_and_settings(document):
    assert document['machine']['cores'] >= 1
    assert document['settings']['seeds'] == 2
    assert document['settings']['scenarios'] == ['paper_trace']


def test_every_policy_has_a_row(document, runtime):
    found = [each['policy'] for each in document['rows']]
    assert set(runtime.QUICK_POLICIES) <= set(found)
    assert len(found) == len(set(found))


def test_a_figure_is_a_mean_with_half_its_interval(document):
    for row in document['rows']:
        mean, half = row['energy_per_frame_j']
        assert 0.0 <= half < mean


def test_each_row_and_each_goal_is_a_line_of_the_file(document, written):
    lines = (written / 'runtime.json').read_text().splitlines()
    entries = [line.rstrip(',') for line in lines if line.startswith('{"')]
    assert [json.loads(line) for line in entries] == document['rows'] + document['goals']


def test_a_goal_is_met_if_every_condition_is(document):
    assert document['goals']
    for goal in document['goals']:
        judged = goal['verdict'] != 'no reference'
        assert goal['met'] == (judged and all(check['met'] for check in goal['checks']))


def test_a_condition_is_judged_by_its_mean(document):
    for check in (each for goal in document['goals'] for each in goal['checks']):
        assert check['at_most'] == (check['name'] != 'saved')
        value, goal = check['interval'][0], check['goal']
        reached = value is not None and (value <= goal if check['at_most'] else value >= goal)
        assert check['met'] == reached


def test_the_saved_energy_agrees_with_the_rows(document):
    """The mean of ratios is near the ratio of means, as seeds differ little."""
    energy = {each['policy']: each['energy_per_frame_j'][0] for each in document['rows']}
    measure = 'energy of the board, same deadline, less than performance'
    goal = next(each for each in document['goals'] if each['measure'] == measure)
    ours, theirs = (
        'ours, as accurate as static:performance',
        'most accurate static that meets it:performance',
    )
    saved = 100 * (1 - energy[ours] / energy[theirs])
    assert goal['checks'][0]['value'] == pytest.approx(saved, abs=0.5)


def test_the_page_counts_the_verdicts_of_all_goals(document, written):
    page = (written / 'results.md').read_text()
    verdicts = [each['verdict'] for each in document['goals']]
    counts = [f'{verdicts.count(each)} {each}' for each in ('met', 'missed', 'no reference')]
    assert f'{", ".join(counts)}.' in page


def test_the_page_has_a_row_for_each_measure_and_each_compared_policy(document, written, load):
    lines = (written / 'results.md').read_text().splitlines()
    for measure in {each['measure'] for each in document['goals']}:
        assert len([line for line in lines if line.startswith(f'| {measure} |')]) == 1
    for policy in load('runtime_page').COMPARED:
        assert len([line for line in lines if line.startswith(f'| `{policy}` |')]) == 1


def test_the_page_shows_saved_energy_and_misses_against_the_reference(document, written, figures):
    measure = 'energy of the board, same deadline, less than performance'
    goal = next(each for each in document['goals'] if each['measure'] == measure)
    lines = (written / 'results.md').read_text().splitlines()
    row = next(line for line in lines if line.startswith('| paper_trace |')).split(' | ')
    saved, missed = goal['checks'][0]['interval'], goal['notes']['ours missed, %']
    assert row[1] == f'`{goal["reference"]}`'
    assert row[2] == figures.Interval.from_json(saved).text(digits=1)
    assert row[6] == figures.Interval.from_json(missed).text(digits=1)


def test_the_page_is_short(written):
    assert len((written / 'results.md').read_text().splitlines()) <= 150


def test_the_page_links_figures_and_pictures_relative_to_its_own_folder(written):
    page = (written / 'results.md').read_text()
    assert '](runtime.json)' in page
    assert '](pictures/runtime_energy_saved.png)' in page
    assert '](pictures/runtime_latency_paper_trace_jetson_xavier_nx.png)' in page


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


def test_without_a_network_that_meets_the_deadline_nothing_is_judged(figures):
    saved = figures.Check.at_least('saved', [50.0], unit='%', least=20.0)
    goal = figures.Comparison('energy', 'p', 's', 'r', (saved,), {}, comparable=False)
    assert saved.met
    assert (goal.met, goal.verdict) == (False, 'no reference')


def test_the_table_of_goals_shows_the_median_over_scenarios(load, figures):
    goals = [
        figures.Comparison(
            'energy of the board',
            'nx',
            str(value),
            'r',
            (figures.Check.at_least('saved', [value], unit='%', least=20.0),),
            {},
            limit=figures.Interval.of([value + 1.0]),
        ).to_dict()
        for value in (5.0, 30.0, 21.0)
    ]
    text = load('runtime_page').goal_table(goals, ['nx'])
    assert '| saved ≥ 20 % | **2 of 3**; 21.0 % (5.0 to 30.0); oracle 22.0 |' in text


def test_pictures_are_png(written):
    found = sorted((written / 'pictures').iterdir())
    assert [each.name for each in found] == [
        'runtime_energy_saved.png',
        'runtime_latency_paper_trace_jetson_xavier_nx.png',
        'runtime_policies_paper_trace_jetson_xavier_nx.png',
    ]
    assert all(each.read_bytes().startswith(b'\x89PNG') for each in found)


@pytest.mark.parametrize(
    ('met', 'expected'),
    [
        ([1] * 10, 0.0),
        ([0, 0] + [1] * 10, 2.0),
        ([0] + [1] * 5 + [0] + [1] * 10, 7.0),
        ([0] * 20, math.nan),
    ],
)
def test_compliance_is_counted_in_images_from_the_co_runner_on(runs, met, expected):
    scenario = dataclasses.replace(
        runs.scenario_of('paper_trace'), co_runners=(CoRunner('gpu', 100.0, 0.2),)
    )
    images = [*make_images(runs, 0, 0), *make_images(runs, *met, start_s=100.0)]
    found, _ = runs.compliance(images, scenario)
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_dropped_image_counts_as_missed(runs):
    scenario = runs.scenario_of('paper_trace')
    events = [
        {'app': 'camera', 'arrived_s': 0.0, 'latency_s': 0.05},
        {'app': 'camera', 'arrived_s': 0.1},
        {'app': 'camera', 'arrived_s': 0.2, 'latency_s': 0.061},
    ]
    found = runs.images_of(scenario.applications[0], scenario, events)
    assert [each.met for each in found] == [True, False, False]


def test_steady_state_begins_with_the_fourth_image_after_a_change(runs):
    scenario = runs.scenario_of('paper_trace')  # changes at 2.5 s
    times_s = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
    events = [{'app': 'camera', 'arrived_s': each, 'latency_s': 0.05} for each in times_s]
    found = runs.images_of(scenario.applications[0], scenario, events)
    assert [each.steady for each in found] == [False] * 3 + [True] * 2 + [False] * 3 + [True]


def test_a_requirement_only_tightens_the_targets_of_a_scenario(runs):
    scenario = runs.scenario_of('changing_deadlines')
    required = runs.Requirement('min_energy', {'camera': 0.75}, {'camera': 0.06}).apply(scenario)
    pairs = zip(scenario.applications[0].targets, required.applications[0].targets, strict=True)
    for before, after in pairs:
        assert after.target.deadline_s == min(0.06, before.target.deadline_s)
        assert after.target.min_accuracy == max(0.75, before.target.min_accuracy)
    assert required.objective == 'min_energy'


def test_the_interval_is_that_of_students_t(figures):
    interval = figures.Interval.of([1.0, 2.0, 3.0])  # s = 1, n = 3, t = 4.303
    assert interval.mean == 2.0
    assert interval.half == pytest.approx(4.303 / math.sqrt(3), rel=1e-3)


def test_the_interval_of_one_seed_is_unknown(figures):
    assert math.isnan(figures.Interval.of([1.0]).half)


def test_a_figure_is_unknown_if_it_is_in_any_seed(figures):
    assert math.isnan(figures.Interval.of([1.0, math.nan]).mean)
    check = figures.Check.at_most('x', [1.0, math.nan], unit='', most=5.0)
    assert not check.met


def make_run(runs, name, *, missed, accuracy, energy_j=1.0):
    images = make_images(runs, *[False] * missed, *[True] * (100 - missed))
    case = runs.Case('p', 'steady', '', name, 0)
    none = math.nan
    return runs.Run(
        case, tuple(images), energy_j, none, {'camera': accuracy}, {'camera': 0.1}, none, none, 0, 0
    )


@pytest.mark.parametrize(
    ('missed', 'expected'), [((0, 5, 6), 'medium'), ((0, 6, 7), 'small'), ((9, 8, 10), 'medium')]
)
def test_the_reference_is_the_most_accurate_that_meets_the_deadline(load, runs, missed, expected):
    names, accuracies = ('small', 'medium', 'large'), (0.7, 0.75, 0.8)
    tried = [
        make_run(runs, name, missed=count, accuracy=accuracy)
        for name, count, accuracy in zip(names, missed, accuracies, strict=True)
    ]
    assert load('runtime_energy_goals').most_accurate(tried).case.policy == expected


@pytest.mark.parametrize(('missed', 'expected'), [(0, 0.999), (3, 0.97), (40, 0.95)])
def test_ours_must_be_as_reliable_as_the_reference(load, runs, missed, expected):
    reference = make_run(runs, 'x', missed=missed, accuracy=0.7)
    assert load('runtime_energy_goals').reliability(reference) == pytest.approx(expected)


def test_ours_may_lose_half_a_point_to_the_reference(load, runs):
    goals = load('runtime_energy_goals')
    first = {
        label: make_run(runs, label, missed=0, accuracy=0.75) for label in goals.REFERENCES.values()
    }
    needed = goals.requirements(first, several=False)
    policy, required = needed[goals.saving_label('ours', 'schedutil', as_fast=True)]
    assert (policy, required.objective) == ('ours', 'min_energy')
    assert required.min_accuracy['camera'] == pytest.approx(0.745)
    assert required.deadline_s['camera'] == pytest.approx(0.11)
    _, alone = needed[goals.saving_label('ours', 'schedutil', as_fast=False)]
    assert alone.deadline_s == {}


@pytest.mark.parametrize(
    ('cap_s', 'expected'), [(0.06, 0.999), (0.055, 0.999), (0.054, 0.95), (0.02, 0.95)]
)
def test_a_p95_well_below_the_deadline_needs_a_probability_of_95_percent(
    load, runs, cap_s, expected
):
    """The deadline of `steady` is 60 ms: a latency 10 % above a cap of 54 ms still meets it."""
    reference = make_run(runs, 'x', missed=0, accuracy=0.7)
    found = load('runtime_energy_goals').probability(reference, {'camera': cap_s})
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ('scenario', 'kind'), [('steady', 'static='), ('two_applications', 'static-best')]
)
def test_the_reference_is_simulated_for_a_single_application_only(load, scenario, kind):
    """Some sub-networks of the shipped file run on the CPU only: they are not simulated."""
    found = load('runtime_energy_goals').reference_policy(
        'jetson_xavier_nx', scenario, 'performance', seed=0
    )
    assert found.startswith(kind)
    assert found.endswith(':performance')


@pytest.mark.parametrize(
    ('option', 'error'),
    [
        (['--platforms', 'nope'], "platform is 'nope'"),
        (['--scenarios', 'nope'], "scenario is 'nope'"),
        (['--seeds', '0'], "'0'; expected an integer above 0"),
        (['--page', 'page.md'], '--page needs --json and --pictures'),
    ],
)
def test_a_wrong_option_is_refused(refusal, option, error):
    assert error in refusal('runtime', option)
