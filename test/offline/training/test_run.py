"""`dynofa train` and `dynofa evaluate` from end to end, with a tiny supernet."""

import json
import math
import os
import signal

import pytest

from dynofa_ros.cli import main
from dynofa_ros.commands.train import PROCESS_VARIABLES
from dynofa_ros.offline.training import run as train_command
from dynofa_ros.offline.training.run import portable_command
from dynofa_ros.supernet import load_model

pytestmark = pytest.mark.usefixtures('tiny_zoo')


@pytest.fixture
def images(write_images, tmp_path):
    write_images(tmp_path / 'set' / 'train')
    write_images(tmp_path / 'set' / 'val', seed=1)
    return tmp_path / 'set'


@pytest.fixture
def train(images, tmp_path, monkeypatch, capsys):
    """Return a function that runs `dynofa train` and returns exit code, output and errors."""
    for name, value in PROCESS_VARIABLES.items():
        monkeypatch.setenv(name, value)  # else the command would replace the test's process

    def run(*more, supernet='tiny_mobilenet', out='model'):
        options = {
            '--supernet': supernet,
            '--data': images,
            '--out': tmp_path / out,
            '--epochs': 2,
            '--batch-size': 4,
            '--held-out': 8,
            '--keep': 2,
            '--candidates': 3,
            '--threads': 1,
        }
        arguments = [str(each) for pair in options.items() for each in pair]
        code = main(['train', *arguments, *map(str, more)])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ('supernet', 'more', 'method'),
    [
        ('tiny_mobilenet', ('--subnets-per-step', 2), 'the smallest or a random one on its'),
        ('tiny_mobilenet', ('--method', 'progressive'), 'Progressive shrinking'),
        ('tiny_transformer', ('--optimizer', 'adamw'), 'AdamW, one cycle'),
    ],
)
def test_training_writes_a_model_with_card_and_curves(train, tmp_path, supernet, more, method):
    code, out, errors = train(*more, supernet=supernet)
    assert code == 0, errors
    assert 'training from step 0 of 8, 16 images' in out
    assert 'epoch 2: held-out top-1 smallest' in out
    for name in ('weights.pt', 'model.yaml', 'training/log.jsonl', 'training/curves.png'):
        assert (tmp_path / 'model' / name).exists()
    card = (tmp_path / 'model' / 'README.md').read_text()
    assert method in card
    assert str(tmp_path) not in card
    assert load_model(str(tmp_path / 'model')).kept


def test_one_sub_network_alone_is_the_only_one_kept(train, tmp_path):
    config = {'ks': [3, 3], 'e': [2, 2], 'd': [1], 'r': 8}
    (tmp_path / 'config.json').write_text(json.dumps(config))
    code, out, errors = train('--alone', tmp_path / 'config.json')
    assert code == 0, errors
    assert 'held-out top-1 alone' in out
    (kept,) = load_model(str(tmp_path / 'model')).kept
    assert kept.config.to_dict() == config


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_same_command_resumes(train, monkeypatch, number):
    steps = []

    def told(progress):
        steps.append(progress.step)
        if steps == [1, 2, 3]:
            os.kill(os.getpid(), number)
        return ''

    monkeypatch.setattr(train_command, '_told', told)
    code, out, _ = train()
    assert code == 128 + number
    assert 'saved at step 4 of 8; the same command resumes' in out
    code, out, _ = train()
    assert code == 0
    assert 'resuming at step 4 of 8' in out


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (('--epochs', 0), 'epochs is 0; it must be above 0'),
        (('--method', 'x'), "method is 'x'; expected sandwich, progressive, alone"),
        (('--precision', 'half'), "precision is 'half'"),
        (('--device', 'tpu'), "device is 'tpu'"),
        (('--initial-weights', 'none'), "model 'none' is no folder"),
        (('--alone', 'none.json'), 'none.json cannot be read'),
        (('--supernet', 'ofa_mbv3_cifar10'), 'has 3 classes; ofa_mbv3_cifar10 has 10'),
        (('--held-out', 24), 'held out are 24 images; expected 1 to 23'),
    ],
)
def test_what_cannot_be_trained_is_named(train, more, message):
    code, _, errors = train(*more)
    assert code == 1
    assert errors.startswith('dynofa train: ')
    assert message in errors


def test_a_command_is_shown_without_the_folders_of_this_machine():
    shown = portable_command(
        ['train', '--data', '/data/set/', '--test=a/b.tar', '--alone', 'r20@/m/net', '--seed', '3']
    )
    assert shown == 'dynofa train --data set --test=b.tar --alone r20@net --seed 3'


@pytest.fixture
def evaluate(train, images, tmp_path, capsys):
    """Return a function that runs `dynofa evaluate` on a trained model."""
    assert train()[0] == 0

    def run(*more, data=images / 'val'):
        code = main(
            [
                'evaluate',
                '--model',
                str(tmp_path / 'model'),
                '--data',
                str(data),
                '--threads',
                '1',
                '--json',
                str(tmp_path / 'figures.json'),
                *map(str, more),
            ]
        )
        out, errors = capsys.readouterr()
        return code, out, errors

    return run


def test_evaluation_measures_what_the_card_says(evaluate, tmp_path):
    code, out, errors = evaluate()
    assert code == 0, errors
    figures = json.loads((tmp_path / 'figures.json').read_text())
    kept = load_model(str(tmp_path / 'model')).kept
    assert [each['subnet_id'] for each in figures] == [each.subnet_id for each in kept]
    for each in figures:
        assert each['top1'] == pytest.approx(each['card_top1'], abs=1e-9)
        assert each['top1_low'] <= each['top1'] <= each['top1_high']
        assert each['top5'] == 1  # of three classes
        assert each['images_per_s'] > 0
        assert each['subnet_id'] in out


def test_evaluation_calibrates_what_is_not_kept(evaluate, images, tmp_path):
    more = ('--sample', 2, '--seed', 5, '--largest', '--calibration', images / 'train')
    code, out, errors = evaluate(*more)
    assert code == 0, errors
    assert 'calibrating' in out
    figures = json.loads((tmp_path / 'figures.json').read_text())
    assert len(figures) == 3
    assert all(math.isfinite(each['top1']) for each in figures)


def test_evaluation_takes_a_folder_with_some_of_the_classes(evaluate, write_images, tmp_path):
    code, _, errors = evaluate(data=write_images(tmp_path / 'some', [(30, 20)] * 3, ('dog',)))
    assert code == 0, errors


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (('--sample', 1), 'no batch norm statistics; name images that were trained on with'),
        (('--subnet', 'x'), "sub-network is 'x'; model keeps: "),
        (('--config', 'none.json'), 'none.json cannot be read'),
        (('--sample', -1), 'sample is -1'),
        (('--batch-size', 0), 'batch-size is 0; it must be at least 1'),
        (('--data', 'none'), 'data set none does not exist'),
    ],
)
def test_what_cannot_be_evaluated_is_named(evaluate, more, message):
    code, _, errors = evaluate(*more)
    assert code == 1
    assert errors.startswith('dynofa evaluate: ')
    assert message in errors


def test_a_class_that_the_model_does_not_know_is_named(evaluate, write_images, tmp_path):
    code, _, errors = evaluate(data=write_images(tmp_path / 'x', classes=('cat', 'plane')))
    assert code == 1
    assert 'has classes plane; known are cat, dog, ship' in errors
