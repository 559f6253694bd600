# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import json
from argparse import ArgumentParser

import cv2
import numpy as np
import pytest

pytest.importorskip('pymoo', reason='pymoo, of the extra search, is not installed')

from dynofa_ros.cli import main
from dynofa_ros.commands.search import add_parser
from dynofa_ros.engine import CompiledCache, create_engine, networks
from dynofa_ros.offline.search.nsga2 import PredictedSubnet
from dynofa_ros.offline.search.run import MeasuredSubnet, latency_ratio, run_search
from dynofa_ros.profiles.measured import host_name
from dynofa_ros.profiles.stored import StoredProfile
from dynofa_ros.report.front import draw_front, front_table
from dynofa_ros.supernet import SubnetConfig, create_supernet, load_model
from dynofa_ros.supernet.cost import Cost

QUICK = (
    '--population=4',
    '--generations=1',
    '--keep=2',
    '--latency-samples=2',
    '--rounds=3',
    '--engine=torch',
)
IMAGES = ('--samples=3', '--held-out=10', '--trial-images=10')


def options(*arguments):
    parser = ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(['search', *QUICK, '--threads=1', *map(str, arguments)])


@pytest.fixture(scope='module')
def images(tmp_path_factory, model):
    folder = tmp_path_factory.mktemp('images')
    rng = np.random.default_rng(0)
    for label in model.labels:
        for part in ('train', 'test'):
            (folder / part / label).mkdir(parents=True)
            for number in range(3):
                pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
                cv2.imwrite(str(folder / part / label / f'{number}.png'), pixels)
    return folder


@pytest.fixture(scope='module')
def searched(model_folder, images, tmp_path_factory):
    """Output folder and figures of a search on images."""
    out = tmp_path_factory.mktemp('searched') / 'found'
    given = ('--model', model_folder, '--data', images, '--out', out)
    return out, run_search(options(*given, *IMAGES))


@pytest.fixture
def table(tmp_path):
    """A table of synthetic accuracies of ``ofa_mbv3_cifar10``."""
    space = create_supernet('ofa_mbv3_cifar10').space
    extremes = ((space.min_config(), 0.6), (space.max_config(), 0.8))
    rows = [config.to_dict() | {'top1': top1} for config, top1 in extremes]
    (tmp_path / 'table.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    return tmp_path / 'table.jsonl'


def test_the_profile_is_that_of_the_model_in_the_same_folder(searched):
    out, _ = searched
    stored, found = StoredProfile.load(out / 'profile.json', 'camera'), load_model(str(out))
    profile = stored.profile
    assert stored.mismatch(networks(found, CompiledCache(None)), create_engine('torch')) == ''
    assert {point.subnet_id for point in profile.points} == {k.subnet_id for k in found.kept}
    for point in profile.points:
        assert point.accuracy == found.subnet(point.subnet_id).accuracy
    assert profile.platform == host_name()
    assert profile.latency_source == 'measured'
    assert profile.energy_source == 'unavailable'


def test_the_figures_have_ranked_and_measured_latencies(searched):
    out, figures = searched
    assert json.loads((out / 'search.json').read_text()) == figures
    assert figures['accuracy_source'] == 'measured'
    assert figures['engine'] == 'torch'
    assert figures['measured_over_ranked_latency']['median'] > 0
    for each in figures['measured']:
        assert each['latency_s'] > 0
        assert each['ranked_latency_s'] > 0


def test_no_kept_sub_network_is_dominated(searched):
    _, figures = searched
    kept = sorted(
        (each['latency_s'], each['top1']) for each in figures['measured'] if each['subnet_id']
    )
    assert [top1 for _, top1 in kept] == sorted({top1 for _, top1 in kept})


def test_a_second_search_reuses_measured_accuracies(searched, model_folder, images, capsys):
    out, _ = searched
    before = (out / 'accuracies.jsonl').read_text()
    given = ('--model', model_folder, '--data', images, '--out', out)
    run_search(options(*given, *IMAGES))
    assert '3 of them known' in capsys.readouterr().out
    assert (out / 'accuracies.jsonl').read_text() == before


def test_the_front_is_shown_as_picture_and_table(searched, tmp_path):
    _, figures = searched
    draw_front(figures, tmp_path / 'front.png')
    assert cv2.imread(str(tmp_path / 'front.png')).std() > 0
    text = front_table(figures)
    for each in figures['measured']:
        assert (each['subnet_id'] or 'dropped') in text
    assert 'measured / ranked latency' in text


def test_a_supernet_without_images_has_predicted_accuracies(table, tmp_path):
    out = tmp_path / 'found'
    figures = run_search(options('--model', 'ofa_mbv3_cifar10', '--table', table, '--out', out))
    assert figures['accuracy_source'] == 'predicted'
    assert not (out / 'model.yaml').exists()
    predicted = {each['top1'] for each in figures['measured'] if each['subnet_id']}
    points = StoredProfile.load(out / 'profile.json', 'camera').profile.points
    assert {point.accuracy for point in points} == predicted


@pytest.mark.parametrize(
    ('given', 'text'),
    [
        (['--model', 'nothing', '--table', 'x'], "model is 'nothing'; expected a folder"),
        ([], 'accuracies are unknown; give --data, --predictor or --table'),
        (['--test', 'x'], 'without --data'),
        (['--keep', '1'], 'keep is 1; expected 2 or above'),
        (['--population', '3'], 'population is 3; expected 4 or above'),
        (['--threads', '-1'], 'threads is -1'),
        (['--engine', 'steam', '--table', 'x'], "engine is 'steam'"),
        (['--table', 'nothing.jsonl'], r'table nothing.jsonl cannot be read'),
        (['--predictor', 'nothing.npz'], r'predictor nothing.npz cannot be read'),
        (['--predictor', 'nothing.pth'], r'predictor nothing.pth cannot be read'),
        (['--data', 'nothing'], 'nothing'),
    ],
)
def test_an_invalid_option_is_reported_in_one_line(given, text, tmp_path, capsys):
    out = ('--out', str(tmp_path / 'found'))
    assert main(['search', '--engine=torch', *out, *given]) == 1
    error = capsys.readouterr().err
    assert error.startswith('dynofa search: ')
    assert text in error


def test_the_model_itself_is_not_overwritten(model_folder, table):
    with pytest.raises(ValueError, match='the model itself'):
        run_search(options('--model', model_folder, '--table', table, '--out', model_folder))


def test_the_latency_ratio_is_measured_over_ranked_latency():
    config, cost = SubnetConfig(r=20), Cost(1, 1, 1)
    measured = [
        MeasuredSubnet(config, cost, 0.5, PredictedSubnet(config, 0.5, ranked_s), measured_s, ())
        for measured_s, ranked_s in ((2, 1.0), (3, 2.0), (1, 2.0))
    ]
    assert latency_ratio(measured) == {'median': 1.5, 'least': 0.5, 'most': 2.0}
