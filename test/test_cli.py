# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The command `dynofa`, also in a process of its own."""

import os
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from dynofa_ros.cli import main
from dynofa_ros.commands.train import PROCESS_VARIABLES


def image_folder(path, *, classes, each):
    rng = np.random.default_rng(0)
    for name in classes:
        (path / name).mkdir(parents=True)
        for number in range(each):
            pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
            cv2.imwrite(str(path / name / f'{number}.png'), pixels)
    return path


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp('images'), classes='abcdefghij', each=4)


def dynofa(*arguments):
    return subprocess.run(
        [sys.executable, '-m', 'dynofa_ros.cli', *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | {'OMP_NUM_THREADS': '1'},
    )


@pytest.fixture
def dynofa_here(monkeypatch, capsys):
    """Return a function that does the same in this process, which saves importing PyTorch again."""
    for name, value in PROCESS_VARIABLES.items():
        monkeypatch.setenv(name, value)  # otherwise training replaces the process

    def run(*arguments):
        returncode = main([str(each) for each in arguments])
        return SimpleNamespace(
            returncode=returncode,
            **dict(zip(('stdout', 'stderr'), capsys.readouterr(), strict=True)),
        )

    return run


@pytest.mark.parametrize(
    ('package', 'command', 'extra'),
    [
        ('torch', ('evaluate', '--model', 'vit_cifar10', '--data', 'nowhere'), 'train'),
        ('rich', ('fit-platform', '--data', 'nowhere'), 'simulate'),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(package, command, extra):
    program = (
        'import sys\n'
        f'sys.modules["{package}"] = None\n'  # as if it were not installed
        f'from dynofa_ros.cli import main\nsys.exit(main({list(command)}))'
    )
    ended = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert ended.returncode == 1
    message = f"{package} is not installed: pip install 'dynofa_ros[{extra}]'"
    assert ended.stderr == f'dynofa {command[0]}: {message}\n'


def test_without_a_command_the_usage_lists_them(capsys):
    with pytest.raises(SystemExit) as exit:
        main([])
    assert exit.value.code == 2
    assert 'train' in capsys.readouterr().err


def test_a_missing_model_is_a_short_error(capsys, tmp_path):
    assert main(['evaluate', '--model', str(tmp_path / 'none'), '--data', 'x']) == 1
    error = capsys.readouterr().err
    assert error.startswith('dynofa evaluate: model')
    assert error.count('\n') < 6


@pytest.mark.timeout(280)
def test_a_trained_model_can_be_evaluated_and_a_second_run_resumes(tmp_path, images, dynofa_here):
    train = ('train', '--data', images, '--out', tmp_path / 'model')
    train += ('--epochs', 1, '--batch-size', 8, '--held-out', 8, '--keep', 2, '--threads', 1)
    first = dynofa(*train, '--candidates', 2)
    assert first.returncode == 0, first.stderr
    assert 'training from step 0 of 2' in first.stdout
    for name in ('weights.pt', 'model.yaml', 'README.md', 'training/log.jsonl'):
        assert (tmp_path / 'model' / name).exists()

    again = dynofa_here(*train, '--candidates', 2)
    assert 'resuming at step 2 of 2' in again.stdout

    other = dynofa_here(*train, '--seed', 1, '--candidates', 2)
    assert other.returncode == 1
    assert 'is of another run' in other.stderr

    figures = tmp_path / 'figures.json'
    evaluate = ('evaluate', '--model', tmp_path / 'model', '--data', images)
    evaluated = dynofa_here(*evaluate, '--json', figures)
    assert evaluated.returncode == 0, evaluated.stderr
    assert figures.exists()


def test_an_invalid_plan_names_the_field(tmp_path, images, dynofa_here):
    train = ('train', '--data', images, '--out', tmp_path / 'model')
    refused = dynofa_here(*train, '--epochs', 0)
    assert refused.returncode == 1
    assert 'epochs is 0; expected a number above 0' in refused.stderr
