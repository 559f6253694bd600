# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import json

import cv2
import pytest

from dynofa_ros.offline.training.log import TrainingLog, draw_curves, read_log
from dynofa_ros.offline.training.trainer import Progress


def progress(step, loss=1.0):
    return Progress(
        step=step,
        steps=60,
        steps_per_epoch=30,
        phase='sandwich',
        loss=loss,
        accuracy=0.5,
        learning_rate=0.1,
        resolution=20,
        seconds_per_step=0.2,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'training' / 'log.jsonl'


def log_steps(path, steps, *, first_step=0):
    log = TrainingLog(path, first_step=first_step)
    for step in steps:
        log.step(progress(step, loss=float(step)))
        if step % 30 == 0:
            log.held_out(progress(step), {'smallest': 0.4, 'largest': 0.6})
    return read_log(path)


def test_rows_average_steps_and_epochs_have_held_out_accuracies(path):
    rows = log_steps(path, range(1, 61))
    averages = [(row['step'], row['loss']) for row in rows if 'loss' in row]
    assert averages == [(20, 10.5), (30, 25.5), (40, 35.5), (60, 50.5)]
    epochs = [(row['epoch'], row['held_out']['largest']) for row in rows if 'held_out' in row]
    assert epochs == [(1, 0.6), (2, 0.6)]


def test_a_resumed_run_drops_the_rows_of_repeated_steps(path):
    log_steps(path, range(1, 41))
    rows = log_steps(path, range(26, 41), first_step=25)
    assert [row['step'] for row in rows] == [20, 30, 30, 40]


def test_a_run_from_the_start_drops_all_rows(path):
    log_steps(path, range(1, 41))
    assert [row['step'] for row in log_steps(path, range(1, 21))] == [20]


@pytest.mark.parametrize(
    'line', ['[]', '{}', '{"step": "x"}', f'{{"step": {10**400}}}', '[' * 100_000]
)
def test_a_line_that_is_not_a_row_is_named(path, line):
    path.parent.mkdir()
    path.write_text(f'{line}\n{{"step": 1}}\n')
    with pytest.raises(ValueError, match=r'log\.jsonl, line 1 is not a row of a training log'):
        read_log(path)


def test_a_truncated_last_line_is_dropped(path):
    log_steps(path, range(1, 41))
    path.write_text(path.read_text() + '{"step": 6')
    assert read_log(path)[-1]['step'] == 40


def test_an_invalid_line_is_named(path):
    log_steps(path, range(1, 21))
    path.write_text('hello\n' + path.read_text())
    with pytest.raises(ValueError, match=r'log\.jsonl, line 1 is not a row'):
        read_log(path)


def test_curves_are_written_as_a_picture(path, tmp_path):
    log_steps(path, range(1, 61))
    draw_curves(path, tmp_path / 'curves.png', title='tiny')
    picture = cv2.imread(str(tmp_path / 'curves.png'))
    assert picture.shape[1] > 500
    assert len({tuple(pixel) for row in picture[::7] for pixel in row[::7]}) > 4
    assert (tmp_path / 'curves.png').stat().st_size < 200_000


def test_curves_of_a_log_without_epochs_are_plotted_over_steps(path, tmp_path):
    path.parent.mkdir()
    rows = [{'step': step, 'loss': 1.0, 'accuracy': 0.5} for step in (20, 40)]
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    draw_curves(path, tmp_path / 'curves.png', title='tiny')
    assert (tmp_path / 'curves.png').exists()


def test_an_empty_log_has_no_curves(path, tmp_path):
    with pytest.raises(ValueError, match='holds no steps of a training run'):
        draw_curves(path, tmp_path / 'curves.png', title='tiny')
