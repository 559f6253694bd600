# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa evaluate` from end to end, on a tiny trained model."""

import csv
import json
import math
import re

import cv2
import pytest

from dynofa_ros.cli import main
from dynofa_ros.supernet import load_model


@pytest.fixture(scope='module')
def trained(train, write_images, tmp_path_factory):
    """Folder of a trained model and of its training and test images."""
    folder = tmp_path_factory.mktemp('trained')
    write_images(folder / 'train')
    write_images(folder / 'val', seed=1)
    assert train(folder, folder / 'model') == 0
    return folder


@pytest.fixture
def evaluate(trained, tmp_path, capsys):
    """Return a function that runs `dynofa evaluate`; return exit code, output and errors."""

    def run(*more, data=trained / 'val'):
        options = {'--model': trained / 'model', '--data': data, '--threads': 1}
        options['--json'] = tmp_path / 'figures.json'
        arguments = [str(each) for pair in options.items() for each in pair]
        code = main(['evaluate', *arguments, *map(str, more)])
        return code, *capsys.readouterr()

    return run


def test_evaluation_reproduces_the_accuracies_of_the_card(evaluate, trained, tmp_path):
    code, out, errors = evaluate()
    assert code == 0, errors
    figures = json.loads((tmp_path / 'figures.json').read_text())
    kept = load_model(str(trained / 'model')).kept
    assert [each['subnet_id'] for each in figures] == [each.subnet_id for each in kept]
    for each in figures:
        assert each['top1'] == pytest.approx(each['card_top1'], abs=1e-9)
        assert each['top1_low'] <= each['top1'] <= each['top1_high']
        assert each['top5'] == 1  # of three classes
        assert each['images_per_s'] > 0
        assert each['subnet_id'] in out


def test_sub_networks_that_are_not_kept_are_calibrated(evaluate, trained, tmp_path):
    more = ('--sample', 2, '--seed', 5, '--largest', '--calibration', trained / 'train')
    code, out, errors = evaluate(*more)
    assert code == 0, errors
    assert 'calibrating' in out
    figures = json.loads((tmp_path / 'figures.json').read_text())
    assert len(figures) == 3
    assert all(math.isfinite(each['top1']) for each in figures)


def test_images_may_lack_some_of_the_classes(evaluate, write_images, tmp_path):
    code, _, errors = evaluate(data=write_images(tmp_path / 'some', [(30, 20)] * 3, ('dog',)))
    assert code == 0, errors


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (('--sample', 1), 'no batch norm statistics; give training images with --calibration'),
        (('--subnet', 'x'), "sub-network is 'x'; expected one of r8"),
        (('--config', 'none.json'), 'none.json cannot be read'),
        (('--sample', -1), 'sample is -1'),
        (('--batch-size', 0), 'batch-size is 0; expected 1 or above'),
        (('--threads', -1), 'threads is -1'),
        (('--data', 'none'), 'data set none does not exist'),
    ],
)
def test_an_invalid_option_is_named(evaluate, more, message):
    code, _, errors = evaluate(*more)
    assert code == 1
    assert errors.startswith('dynofa evaluate: ')
    assert message in errors


def test_a_class_that_the_model_lacks_is_named(evaluate, write_images, tmp_path):
    code, _, errors = evaluate(data=write_images(tmp_path / 'x', classes=('cat', 'plane')))
    assert code == 1
    assert 'has classes plane; expected cat, dog, ship' in errors


def test_a_report_shows_classes_and_mistakes_of_every_sub_network(evaluate, trained, tmp_path):
    code, out, errors = evaluate('--report', tmp_path / 'report')
    assert code == 0, errors
    assert 'README.md shows the classes and mistakes' in out
    for each in json.loads((tmp_path / 'figures.json').read_text()):
        folder = tmp_path / 'report' / each['subnet_id']
        rows = list(csv.DictReader((folder / 'predictions.csv').open()))
        right = [row['label'] == row['predicted_1'] for row in rows]
        assert [bool(int(row['correct'])) for row in rows] == right
        assert sum(right) / len(rows) == pytest.approx(each['top1'])
        assert {row['image'] for row in rows} >= {'cat/0.png', 'ship/7.png'}
        correct = sum(row['correct'] for row in each['classes'])
        assert correct == sum(right)
        assert cv2.imread(str(folder / 'confusion.png')).std() > 0
        assert (folder / 'wrong.png').exists() == (not all(right))
        assert each['subnet_id'] in (tmp_path / 'report' / 'README.md').read_text()


def test_parts_of_the_training_are_measured_on_request(evaluate, trained):
    counts = {}
    for part in ('held-out', 'training', 'all'):
        code, out, errors = evaluate('--part', part, data=trained / 'train')
        assert code == 0, errors
        counts[part] = int(re.search(r'model on (\d+) images', out)[1])
        assert ('too optimistic' in out) == (part == 'all')
    assert counts == {'held-out': 8, 'training': 16, 'all': 24}
    code, _, errors = evaluate('--part', 'test', data=trained / 'train')
    assert code == 1
    assert 'part is test; expected a part that ' in errors


def test_bad_images_are_listed_or_skipped(evaluate, write_images, tmp_path):
    data = write_images(tmp_path / 'x', seed=3)
    (data / 'cat' / '1.png').write_bytes(b'')
    code, _, errors = evaluate(data=data)
    assert code == 1
    assert '1 image cannot be used' in errors
    assert evaluate('--skip-bad', data=data)[0] == 0
