"""The page that is written of the figures."""

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
    """A folder with what a GPU benchmark writes where there is no GPU."""
    document = {'machine': MACHINE, 'goals': [GOAL], 'rows': [], 'reason': 'there is no GPU'}
    (tmp_path / 'gpu.json').write_text(json.dumps(document))
    return tmp_path


def test_it_names_the_machine_first(performance, figures):
    assert '**a processor**, 2 cores' in performance.page(figures)


def test_a_goal_that_is_missed_is_seen(performance, figures):
    assert '| gpu | times faster | 3.9 | 4 | **missed** |' in performance.page(figures)


def test_what_was_not_measured_says_why(performance, figures):
    assert 'Not measured: there is no GPU.' in performance.page(figures)


def test_a_benchmark_that_was_not_run_is_named(performance, figures):
    assert '## switching\n\nNot measured.' in performance.page(figures)


def test_a_folder_without_figures_is_refused(performance, tmp_path, capsys):
    page = tmp_path / 'page.md'
    assert performance.main([str(tmp_path), str(page)]) == 1
    assert 'holds none of: inference.json' in capsys.readouterr().err
    assert not page.exists()


def test_a_damaged_file_is_named(performance, figures, tmp_path, capsys):
    (figures / 'gpu.json').write_text('{')
    assert performance.main([str(figures), str(tmp_path / 'page.md')]) == 1
    assert 'gpu.json is damaged' in capsys.readouterr().err
