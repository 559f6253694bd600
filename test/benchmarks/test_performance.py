# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The page docs/performance.md."""

import json

import pytest

GOAL = {'name': 'times faster', 'value': 3.9, 'goal': 4.0, 'met': False}
MACHINE = {
    'cpu': 'a processor',
    'cores': 2,
    'system': 'Linux',
    'python': '3.11',
    'packages': {'torch': '2.13'},
    'load_average_1_min': 0.1,
}


@pytest.fixture
def performance(load):
    return load('performance')


@pytest.fixture
def figures(tmp_path):
    """A folder with the file of the GPU benchmark on a machine without a GPU."""
    document = {'machine': MACHINE, 'goals': [GOAL], 'rows': [], 'reason': 'there is no GPU'}
    (tmp_path / 'gpu.json').write_text(json.dumps(document))
    return tmp_path


def test_the_page_describes_the_machine(performance, figures):
    assert '**a processor**, 2 cores' in performance.page(figures)


def test_a_missed_goal_is_bold(performance, figures):
    assert '| gpu | times faster | 3.9 | 4 | **missed** |' in performance.page(figures)


def test_the_page_states_why_a_benchmark_measured_nothing(performance, figures):
    assert 'Not measured: there is no GPU.' in performance.page(figures)


def test_a_benchmark_without_a_file_is_listed_as_not_measured(performance, figures):
    assert '## switching\n\nNot measured.' in performance.page(figures)


def test_a_folder_without_figures_is_refused(performance, tmp_path, capsys):
    page = tmp_path / 'page.md'
    assert performance.main([str(tmp_path), str(page)]) == 1
    assert 'has no figures; expected one of inference.json' in capsys.readouterr().err
    assert not page.exists()


def test_a_damaged_file_is_reported(performance, figures, tmp_path, capsys):
    (figures / 'gpu.json').write_text('{')
    assert performance.main([str(figures), str(tmp_path / 'page.md')]) == 1
    assert 'gpu.json is damaged' in capsys.readouterr().err
