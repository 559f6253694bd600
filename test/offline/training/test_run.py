# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa train` from end to end, with a tiny supernet."""

import json
import os
import signal

import pytest

from dynofa_ros.offline.training import run as command
from dynofa_ros.offline.training.run import (
    portable_command,
    read_config,
    read_subnet,
)
from dynofa_ros.supernet import create_supernet, load_model
from dynofa_ros.supernet.config import SubnetConfigError


@pytest.fixture
def run(train, write_images, tmp_path, capsys):
    """Return a function that runs `dynofa train`; return exit code, output and errors."""
    write_images(tmp_path / 'set' / 'train')
    write_images(tmp_path / 'set' / 'val', seed=1)

    def run(*more, **options):
        code = train(tmp_path / 'set', tmp_path / 'model', *more, **options)
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
def test_training_writes_a_model_with_card_and_curves(run, tmp_path, supernet, more, method):
    code, out, errors = run(*more, supernet=supernet)
    assert code == 0, errors
    assert 'training from step 0 of 8, 16 images' in out
    assert 'epoch 2: held-out top-1 smallest' in out
    for name in ('weights.pt', 'model.yaml', 'training/log.jsonl', 'training/curves.png'):
        assert (tmp_path / 'model' / name).exists()
    card = (tmp_path / 'model' / 'README.md').read_text()
    assert method in card
    assert str(tmp_path) not in card
    assert load_model(str(tmp_path / 'model')).kept


def test_a_sub_network_trained_alone_is_the_only_one_kept(run, tmp_path):
    config = {'ks': [3, 3], 'e': [2, 2], 'd': [1], 'r': 8}
    (tmp_path / 'config.json').write_text(json.dumps(config))
    code, out, errors = run('--alone', tmp_path / 'config.json')
    assert code == 0, errors
    assert 'held-out top-1 alone' in out
    (kept,) = load_model(str(tmp_path / 'model')).kept
    assert kept.config.to_dict() == config


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_run_and_the_same_command_resumes(run, monkeypatch, number):
    steps = []

    def interrupt_after_three_steps(progress):
        steps.append(progress.step)
        if steps == [1, 2, 3]:
            os.kill(os.getpid(), number)
        return ''

    monkeypatch.setattr(command, '_status', interrupt_after_three_steps)
    code, out, _ = run()
    assert code == 128 + number
    assert 'saved at step 4 of 8; the same command resumes' in out
    code, out, _ = run()
    assert code == 0
    assert 'resuming at step 4 of 8' in out


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (('--epochs', 0), 'epochs is 0; expected a number above 0'),
        (('--method', 'x'), "method is 'x'; expected sandwich, progressive, alone"),
        (('--precision', 'half'), "precision is 'half'"),
        (('--device', 'tpu'), "device is 'tpu'"),
        (('--threads', -1), 'threads is -1'),
        (('--initial-weights', 'none'), "model is 'none'; expected a folder"),
        (('--alone', 'none.json'), 'none.json cannot be read'),
        (('--supernet', 'none'), "supernet is 'none'; expected"),
        (('--supernet', 'none.yaml'), 'none.yaml: file is unreadable (No such file'),
        (('--width', -1), 'width is -1.0; expected a finite number from 0.05 to 8'),
        (('--resolutions', 64, 32), 'resolutions is [64, 32]; expected ascending values'),
        (('--held-out', 24), 'held-out is 24 images; expected 1 to 21'),
        (('--held-out', '1.5'), "held-out is '1.5'; expected a fraction above 0 and below 1"),
    ],
)
def test_an_invalid_option_is_named(run, more, message):
    code, _, errors = run(*more)
    assert code == 1
    assert errors.startswith('dynofa train: ')
    assert message in errors


def test_the_command_is_shown_without_the_folders_of_this_machine():
    shown = portable_command(
        ['train', '--data', '/data/set/', '--test=a/b.tar', '--alone', 'r20@/m/net', '--seed', '3']
    )
    assert shown == 'dynofa train --data set --test=b.tar --alone r20@net --seed 3'


def test_a_sub_network_trained_alone_may_be_given_by_a_model(model, model_folder):
    config = read_subnet(create_supernet('ofa_mbv3_cifar10'), f'small@{model_folder}')
    assert config == model.subnet('small').config


def test_a_sub_network_trained_alone_may_be_given_by_a_file(make_net, tmp_path):
    net, path = make_net(), tmp_path / 'config.json'
    path.write_text(json.dumps(net.space.max_config().to_dict()))
    assert read_subnet(net, str(path)) == net.space.max_config()


def test_a_sub_network_of_another_supernet_is_refused(make_net, model_folder):
    with pytest.raises(SubnetConfigError, match='ks is 20; expected 2'):
        read_subnet(make_net(), f'small@{model_folder}')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, r'config\.json cannot be read: No such file'),
        ('{', r'config\.json holds no sub-network config: Expecting'),
        ('[' * 100_000, r'config\.json holds no sub-network config: maximum recursion'),
        ('{"x": 1}', r'config\.json holds no sub-network config: '),
    ],
)
def test_a_file_without_a_config_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / 'config.json').write_text(content)
    with pytest.raises(ValueError, match=message):
        read_config(tmp_path / 'config.json')
