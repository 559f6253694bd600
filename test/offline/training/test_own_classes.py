# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""From a folder of pictures to labels: any classes, resolutions and sizes, and nobody edits code.

The model is loaded by another process, in which the supernet is not registered.
"""

import json
import subprocess
import sys

import pytest
import yaml

from dynofa_ros.cli import main
from dynofa_ros.supernet import load_model

USE = """
import sys
import cv2
from dynofa_ros.engine import CPU, Classifier, CompiledCache, Place, ResidentSet
from dynofa_ros.engine import create_engine, networks
from dynofa_ros.cli import main
from dynofa_ros.supernet import load_model

folder, data, figures, image = sys.argv[1:]
code = main(['evaluate', '--model', folder, '--data', data, '--threads', '1', '--json', figures])
model = load_model(folder)
residents = ResidentSet(networks(model, CompiledCache(None)), create_engine('torch'))
classifier = Classifier(residents.load(model.kept[0].subnet_id, Place(CPU, 1)), model.labels)
found = classifier.classify(classifier.prepare(lambda: cv2.imread(image))).prediction
print(','.join(found.labels), sum(found.scores))
sys.exit(code)
"""
NETWORK = {
    'family': 'mobilenet_v3',
    'classes': 2,
    'resolutions': [16, 24],
    'width': 0.5,
    'kernel_sizes': [3, 5],
    'depths': [1, 2],
    'widths': [16, 16, 24],
    'strides': [2],
    'squeeze_excite': [True],
    'hard_swish': [True],
    'final_expand': 64,
    'feature_mix': 64,
}


@pytest.mark.parametrize('count', [3, 12])
def test_own_pictures_become_labels_in_another_process(train, write_images, tmp_path, count):
    classes = tuple(f'class {index:02}' for index in range(count))
    data = write_images(tmp_path / 'photos', sizes=((20, 30),) * 4, classes=classes)
    own, folder, figures = tmp_path / 'own.yaml', tmp_path / 'model', tmp_path / 'figures.json'
    own.write_text(yaml.safe_dump(NETWORK))
    more = ('--epochs', 1, '--held-out', 2, '--resolutions', 12, 20, '--width', 0.75)
    assert train(data, folder, *more, supernet=own) == 0
    model = load_model(str(folder))
    assert model.labels == classes
    document = yaml.safe_load((folder / 'model.yaml').read_text())
    changed = {'classes': count, 'resolutions': [12, 20], 'width': 0.75}
    assert document['network'].items() >= (NETWORK | changed).items()
    image = data / classes[-1] / '0.png'
    done = subprocess.run(
        [sys.executable, '-c', USE, *map(str, (folder, data, figures, image))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    labels, total = done.stdout.splitlines()[-1].rsplit(' ', 1)
    assert len(labels.split(',')) == min(5, count)
    assert set(labels.split(',')) <= set(classes)
    assert float(total) == pytest.approx(1) if count <= 5 else float(total) < 1
    assert len(json.loads(figures.read_text())) == len(model.kept)


def test_a_model_is_trained_further_on_other_classes(train, write_images, tmp_path, capsys):
    first, second = tmp_path / 'first', tmp_path / 'second'
    assert train(write_images(tmp_path / 'three'), first, '--epochs', 1) == 0
    data = write_images(tmp_path / 'two', classes=('left', 'right'), seed=1)
    capsys.readouterr()
    arguments = ['--from', first, '--data', data, '--out', second, '--epochs', 1]
    assert main(['train', *map(str, arguments), '--threads', '1', '--candidates', '3']) == 0
    out = capsys.readouterr().out
    assert '2 classes: left, right' in out
    assert f'the body is that of {first}; the head starts anew for 2 classes' in out
    assert 'batch size 2, for 12 images' in out
    model = load_model(str(second))
    assert model.net.spec.name == 'tiny_mobilenet'
    assert model.labels == ('left', 'right')


def test_a_checkpoint_of_other_resolutions_is_refused(train, write_images, tmp_path, capsys):
    data = write_images(tmp_path / 'photos')
    assert train(data, tmp_path / 'model', '--epochs', 1) == 0
    assert train(data, tmp_path / 'model', '--epochs', 1, '--resolutions', 8, 16) == 1
    assert 'sizes: , not resolutions [8, 16]' in capsys.readouterr().err
