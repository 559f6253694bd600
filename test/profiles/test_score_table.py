# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from dynofa_ros.profiles.score_table import ScoreTable

IDS = ('small', 'middle', 'large')
SCORE = np.array([[0.9, 0.5, 1.0], [0.6, 0.8, 0.7], [0.3, 0.4, 0.9], [0.2, 0.9, 0.0]])
CORRECT = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1], [1, 0, 0]], bool)


@pytest.fixture
def table():
    return ScoreTable(IDS, SCORE, CORRECT, fingerprint=('a', 'b', 'c'))


def cascade(stages, thresholds):
    return SimpleNamespace(stages=stages, thresholds=thresholds)


def test_a_saved_table_is_read_back(table, tmp_path):
    table.save(tmp_path / 'scores.npz')
    again = ScoreTable.load(tmp_path / 'scores.npz')
    assert (again.subnet_ids, again.fingerprint, len(again)) == (IDS, ('a', 'b', 'c'), 4)
    assert np.abs(again.score - SCORE).max() <= 0.5 / 65535 + 1e-12
    assert (again.correct == CORRECT).all()


def test_a_score_below_the_threshold_escalates(table):
    found = table.escalates(cascade(('small', 'large'), (0.6,)))
    assert found.tolist() == [[False], [False], [True], [True]]


def test_an_image_answered_at_a_stage_does_not_reach_later_ones(table):
    found = table.escalates(cascade(IDS, (0.7, 0.6)))
    assert found.tolist() == [[False, False], [True, False], [True, True], [True, False]]


def test_the_answer_is_that_of_the_last_stage_that_ran(table):
    assert table.answers(cascade(IDS, (0.7, 0.6))).tolist() == [True, True, True, False]
    assert table.answers(cascade(('small', 'large'), (0.0,))).tolist() == CORRECT[:, 0].tolist()


def test_an_unknown_stage_is_named(table):
    with pytest.raises(ValueError, match="'huge'; expected one of small, middle, large"):
        table.escalates(cascade(('huge', 'large'), (0.5,)))


def test_scores_of_other_weights_are_refused_by_name(table):
    table.check({'small': 'a', 'other': 'x'})
    with pytest.raises(ValueError, match=r'scores of middle is b; expected x: .* other weights'):
        table.check({'small': 'a', 'middle': 'x'})


@pytest.mark.parametrize(
    ('changed', 'words'),
    [
        ({'subnet_ids': ('small', 'small', 'large')}, 'subnet_ids is .*each name once'),
        ({'score': SCORE[:, :2]}, r'shape of score is \(4, 2\)'),
        ({'score': SCORE[:0], 'correct': CORRECT[:0]}, r'shape of score is \(0, 3\)'),
        ({'correct': CORRECT[:3]}, r'shape of correct is \(3, 3\)'),
        ({'score': SCORE * 1.1}, 'score has values outside'),
        ({'score': SCORE * np.nan}, 'score has values outside'),
        ({'fingerprint': ('a',)}, 'fingerprint holds 1 values; expected 3'),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(changed, words):
    values = {'subnet_ids': IDS, 'score': SCORE, 'correct': CORRECT} | changed
    with pytest.raises(ValueError, match=words):
        ScoreTable(**values)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'none\.npz does not exist'):
        ScoreTable.load(tmp_path / 'none.npz')


@pytest.mark.parametrize(
    ('changed', 'words'),
    [
        ({'score': SCORE}, 'type of score is float64; expected uint16'),
        ({'correct': None}, 'correct is missing'),
        ({'subnet_ids': np.array([IDS])}, r'shape of subnet_ids is \(1, 3\)'),
        ({'subnet_ids': np.array([object()])}, 'is damaged'),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_name(table, tmp_path, changed, words):
    table.save(tmp_path / 'scores.npz')
    arrays = dict(np.load(tmp_path / 'scores.npz')) | changed
    np.savez(tmp_path / 'x.npz', **{k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(ValueError, match=rf'x\.npz.*{words}'):
        ScoreTable.load(tmp_path / 'x.npz')


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04', b'scores'])
def test_a_damaged_file_is_refused_by_name(tmp_path, content):
    (tmp_path / 'x.npz').write_bytes(content)
    with pytest.raises(ValueError, match=r'x\.npz is damaged'):
        ScoreTable.load(tmp_path / 'x.npz')


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.npz', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('score.npy', bytes(65 * 2**20))
    with pytest.raises(ValueError, match='bytes unpacked, above'):
        ScoreTable.load(tmp_path / 'x.npz')
