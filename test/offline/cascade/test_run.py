# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa cascade` on a small model with random weights; or on made-up logits."""

import shutil

import cv2
import numpy as np
import pytest
import yaml

from dynofa_ros.cli import main
from dynofa_ros.offline.cascade.costs import Costs
from dynofa_ros.offline.cascade.front import StageCost
from dynofa_ros.offline.cascade.logits import divided
from dynofa_ros.offline.cascade.run import CascadeOptions, find_cascades, run_cascade
from dynofa_ros.profiles.score_table import ScoreTable
from dynofa_ros.supernet import load_model
from dynofa_ros.supernet.model import save_cascades

COUNT = 3000


@pytest.fixture(scope='module')
def found(model):
    """What is found where each sub-network is better than the cheaper ones, and knows it."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 10, COUNT)
    difficulty = rng.normal(0, 1, COUNT)
    logits = {}
    for name, skill in (('small', 0.7), ('middle', 0.9), ('large', 2.0)):
        evidence = 2.0 + skill - 2 * difficulty
        logits[name] = rng.normal(0, 1, (COUNT, 10)).astype(np.float32)
        logits[name][np.arange(COUNT), classes] += evidence
    costs = Costs({k.subnet_id: StageCost(k.flops, k.flops) for k in model.kept}, 'FLOP', 'FLOP')
    choosing, measuring = divided(classes, 0.5, seed=0)
    return find_cascades(
        model, logits, classes, choosing=choosing, measuring=measuring, costs=costs, keep=8
    )


def test_the_table_gives_the_figures_of_the_pairs(found):
    pairs = [each.record for each in found.cascades if len(each.record.stages) == 2]
    assert pairs
    for each in pairs:
        assert found.table.escalates(each).mean() == pytest.approx(each.reached[0], abs=1e-3)
    for each in found.cascades:
        if len(each.record.stages) == 2:
            assert found.table.answers(each.record).mean() == pytest.approx(each.top1, abs=1e-3)


def test_the_accuracy_is_on_the_scale_of_the_sub_networks(found, model):
    for each in found.cascades:
        last = model.subnet(each.record.stages[-1]).accuracy
        expected = max(last + min(each.difference, 0), 0)  # no gain is promised
        assert each.record.accuracy == pytest.approx(expected)


def test_intervals_contain_the_figures(found):
    for each in found.cascades:
        assert each.interval[0] <= each.top1 <= each.interval[1]
        low, high = each.difference_interval
        assert low <= each.difference <= high


def test_what_is_found_can_be_saved_and_loaded(found, model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / 'model')
    save_cascades(
        folder,
        temperatures={each.subnet_id: each.temperature for each in found.calibrations},
        cascades=[each.record for each in found.cascades],
        scores=found.table.to_bytes(),
    )
    loaded = load_model(str(folder))
    assert loaded.cascades == tuple(each.record for each in found.cascades)
    assert ScoreTable.load(folder / 'scores.npz').fingerprint == found.table.fingerprint


@pytest.fixture(scope='module')
def images(tmp_path_factory, model):
    """A folder of random images, 5 of each class."""
    folder, rng = tmp_path_factory.mktemp('images'), np.random.default_rng(0)
    for label in model.labels:
        (folder / label).mkdir()
        for number in range(5):
            pixels = rng.integers(0, 255, (32, 32, 3), np.uint8)
            cv2.imwrite(str(folder / label / f'{number}.png'), pixels)
    return folder


def test_the_command_writes_the_model_folder(model_folder, images, tmp_path, capsys):
    folder = shutil.copytree(model_folder, tmp_path / 'model')
    (folder / 'README.md').write_text(
        '# model\n\n## Limits\n\nScores are not calibrated probabilities. Small.\n'
    )
    arguments = ['cascade', '--model', str(folder), '--data', str(images), '--engine', 'torch']
    for _ in range(2):  # the second time replaces what the first one wrote
        assert main([*arguments, '--json', str(tmp_path / 'f.json')]) == 0
    assert 'perception_node' in capsys.readouterr().out
    card = (folder / 'README.md').read_text()
    assert card.count('## Cascades') == card.count('## Calibration') == 1
    assert card.endswith('## Limits\n\nSmall.\n')
    assert {'cascades.png', 'reliability.png', 'scores.npz'} <= {e.name for e in folder.iterdir()}
    table = ScoreTable.load(folder / 'scores.npz')
    assert (len(table), table.subnet_ids) == (25, ('small', 'middle', 'large'))
    assert load_model(str(folder)).kept[0].temperature != 1.0


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'choose_on': 1.0}, 'choose-on is 1.0; expected a share'),
        ({'keep': -1}, 'keep is -1'),
        ({'choose_on': 0.1}, '5 of 50 images choose; expected 20'),
        ({'model': 'nowhere'}, "model is 'nowhere'"),
        ({'engine': 'abacus'}, "engine is 'abacus'"),
        ({'data': 'nowhere'}, 'data set nowhere does not exist'),
    ],
)
def test_bad_input_is_refused_by_name(model_folder, images, changes, words):
    before = (model_folder / 'model.yaml').read_text()
    with pytest.raises(ValueError, match=words):
        run_cascade(CascadeOptions(**({'model': str(model_folder), 'data': str(images)} | changes)))
    assert (model_folder / 'model.yaml').read_text() == before


def test_images_of_other_classes_are_refused(model_folder, images, tmp_path):
    shutil.copytree(images, tmp_path / 'other')
    (tmp_path / 'other' / 'bird').rename(tmp_path / 'other' / 'boat')
    with pytest.raises(ValueError, match='has classes boat'):
        run_cascade(CascadeOptions(model=str(model_folder), data=str(tmp_path / 'other')))


def test_a_profile_of_other_sub_networks_is_refused(model_folder, images, write_changed, tmp_path):
    point = {
        'subnet_id': 'other',
        'engine': 'torch',
        'processor': 'cpu',
        'threads': 1,
        'frequency_hz': None,
        'latency_s': 0.1,
        'latency_std_s': 0.0,
        'energy_j': None,
        'accuracy': 0.5,
        'flops': 1,
        'parameters': 1,
    }
    profile = tmp_path / 'p.json'
    document = {
        'supernet': 'x',
        'platform': 'y',
        'latency_source': 'measured',
        'energy_source': 'unavailable',
        'points': [point],
    }
    write_changed(document, {}, profile)
    with pytest.raises(ValueError, match='has the sub-networks other; expected all of large'):
        run_cascade(CascadeOptions(model=str(model_folder), data=str(images), profile=profile))


def test_the_model_states_the_table_that_belongs_to_it(model_folder):
    assert 'scores_sha256' not in yaml.safe_load((model_folder / 'model.yaml').read_text())
