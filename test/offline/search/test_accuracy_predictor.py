# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from dynofa_ros.offline import AccuracyPredictor
from dynofa_ros.offline.search.accuracy_rows import read_rows
from dynofa_ros.offline.search.ofa_predictor import LAYERS, OfaAccuracyPredictor
from dynofa_ros.supernet import SubnetConfig
from dynofa_ros.supernet.search_space import inverted_residual_space

SPACE = inverted_residual_space(
    kernel_sizes=(3, 5, 7), expand_ratios=(3, 4, 6), depths=(1, 2), resolutions=(20, 28), stages=2
)
DATA = Path(__file__).resolve().parents[4] / 'shared' / 'data' / 'ofa_imagenet'
TABLE = DATA / 'mbv3_w1.0_measured_top1.jsonl'
OFA = DATA / 'ofa_mbv3_acc_predictor.pth'


def true_accuracy(config):
    """A synthetic accuracy that grows with the blocks that run, and with the resolution."""
    blocks = sum(
        (k + e) * (1 + i // 2)
        for i, (k, e) in enumerate(zip(config.ks, config.e, strict=True))
        if i % 2 < config.d[i // 2]
    )
    return 0.4 + blocks / 400 + config.r / 400 * (1 + blocks / 100)


def sample(count, seed):
    rng = Random(seed)
    return [SPACE.sample(rng) for _ in range(count)]


@pytest.fixture(scope='module')
def rows():
    noise = np.random.default_rng(0).normal(0, 0.002, 120)
    return [(c, true_accuracy(c) + n) for c, n in zip(sample(120, 0), noise, strict=True)]


@pytest.fixture(scope='module')
def fitted(rows):
    return AccuracyPredictor(SPACE).fit(rows)


def test_error_and_std_are_those_of_the_measurement_noise(fitted):
    others = sample(200, 1)
    predicted, std = fitted.predict(others, with_std=True)
    error = predicted - [true_accuracy(config) for config in others]
    assert np.sqrt(np.mean(error**2)) < 0.002
    assert 0.001 < std.mean() < 0.004


def test_uncertainty_grows_with_the_distance_from_measured_rows(rows):
    shallow = [(config, accuracy) for config, accuracy in rows if config.d == (1, 1)]
    configs = [SPACE.uniform(ks=3, e=3, d=d, r=20) for d in (1, 2)]
    _, std = AccuracyPredictor(SPACE).fit(shallow).predict(configs, with_std=True)
    assert std[1] > std[0]


def test_blocks_that_do_not_run_are_ignored(fitted):
    config = SPACE.uniform(ks=5, e=4, d=1, r=20)
    other = replace(config, ks=(5, 7, 5, 3))
    assert fitted.predict([config]) == fitted.predict([other])


def test_mappings_and_configs_are_predicted_alike(fitted):
    config = SPACE.max_config()
    assert fitted.predict([config]) == fitted.predict([config.to_dict() | {'top1': 0.1}])


def test_the_space_is_inferred_from_the_rows(rows, fitted):
    predictor = AccuracyPredictor().fit([c.to_dict() | {'top1': a} for c, a in rows])
    others = sample(50, 2)
    assert predictor.predict(others) == pytest.approx(fitted.predict(others))


def test_resolutions_are_interpolated(fitted):
    low, middle, high = fitted.predict([replace(SPACE.max_config(), r=r) for r in (20, 24, 28)])
    assert low < middle < high


def test_a_prediction_is_a_fraction():
    rows = [(replace(SPACE.max_config(), r=r), a) for r, a in ((20, 0.5), (28, 1.0))]
    extreme = AccuracyPredictor(SPACE).fit(rows).predict([replace(SPACE.max_config(), r=400)])
    assert 0 <= extreme[0] <= 1


def test_the_offset_of_a_session_does_not_bias_the_ranking():
    """The second half is measured 0.03 too high and has most of the high resolution."""
    configs = sorted(sample(160, 3), key=lambda c: c.r + 16 * Random(str(c)).random())
    rows = [(c, true_accuracy(c) + 0.03 * (i >= 80)) for i, c in enumerate(configs)]
    others = sample(200, 4)
    predicted = AccuracyPredictor(SPACE).fit(rows).predict(others)
    assert kendalltau(predicted, [true_accuracy(config) for config in others]).statistic > 0.95


def test_equal_rows_give_equal_predictions(rows, fitted):
    again = AccuracyPredictor(SPACE).fit(rows)
    assert (again.predict(sample(20, 5)) == fitted.predict(sample(20, 5))).all()


def test_identical_accuracies_are_predicted():
    predictor = AccuracyPredictor(SPACE).fit([(config, 0.5) for config in sample(5, 0)])
    assert predictor.predict(sample(3, 1)) == pytest.approx([0.5] * 3)


def test_no_configs_give_no_predictions(fitted):
    assert fitted.predict([]).shape == (0,)


LARGEST = SPACE.max_config()
FIVE_OF_R20 = [(replace(config, r=20), 0.5) for config in sample(5, 0)]


@pytest.mark.parametrize(
    ('fit', 'config', 'message'),
    [
        (None, LARGEST, r'call fit\(rows\) first'),
        (FIVE_OF_R20, LARGEST, 'r is 28; expected 20'),
        (FIVE_OF_R20, replace(LARGEST, r=20, ks=(9, 3, 3, 3)), r'ks\[0\] is 9; expected 3, 5, 7'),
    ],
    ids=['before fit', 'another resolution', 'another space'],
)
def test_a_config_that_cannot_be_predicted_is_refused(fit, config, message):
    predictor = AccuracyPredictor() if fit is None else AccuracyPredictor().fit(fit)
    with pytest.raises(ValueError, match=message):
        predictor.predict([config])


@pytest.mark.parametrize(
    ('space', 'rows', 'message'),
    [
        (
            SPACE,
            [(LARGEST, 0.5), (replace(LARGEST, d=(2, 3)), 0.6)],
            r'row 1: d\[1\] is 3; expected',
        ),
        (None, [(SubnetConfig(r=20), 0.5)] * 2, 'all identical'),
    ],
)
def test_rows_that_cannot_be_fitted_are_refused(space, rows, message):
    with pytest.raises(ValueError, match=message):
        AccuracyPredictor(space).fit(rows)


def test_a_saved_predictor_is_restored_exactly(fitted, tmp_path):
    fitted.save(tmp_path / 'new' / 'predictor.npz')
    loaded = AccuracyPredictor.load(tmp_path / 'new' / 'predictor.npz')
    assert loaded.space == SPACE
    for one, other in zip(
        fitted.predict(sample(20, 6), with_std=True),
        loaded.predict(sample(20, 6), with_std=True),
        strict=True,
    ):
        assert one == pytest.approx(other, abs=1e-12)


def test_a_predictor_is_not_saved_before_fit(tmp_path):
    with pytest.raises(ValueError, match='call fit'):
        AccuracyPredictor().save(tmp_path / 'predictor.npz')


@pytest.mark.parametrize('content', [b'', b'not an archive', b'PK\x03\x04 cut off'])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / 'predictor.npz').write_bytes(content)
    with pytest.raises(ValueError, match=r'predictor\.npz is damaged'):
        AccuracyPredictor.load(tmp_path / 'predictor.npz')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'none\.npz cannot be read: No such file'):
        AccuracyPredictor.load(tmp_path / 'none.npz')


def test_importing_the_package_does_not_import_torch():
    code = 'import sys, dynofa_ros.offline; assert "torch" not in sys.modules'
    subprocess.run([sys.executable, '-c', code], check=True, timeout=60)


@pytest.fixture
def ofa_file(tmp_path):
    """Weights in the published layout that count running blocks and encode the resolution."""
    first = torch.zeros(LAYERS[1], LAYERS[0])
    first[0, :60] = 0.01
    first[0, 123:] = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])
    state = {'0.weight': first, '0.bias': torch.zeros(LAYERS[1])}
    for layer, (inputs, outputs) in zip((2, 4, 6), ((400, 400), (400, 400), (400, 1)), strict=True):
        state[f'{layer}.weight'] = torch.eye(outputs, inputs)
        state[f'{layer}.bias'] = torch.zeros(outputs)
    torch.save(state, tmp_path / 'ofa.pth')
    return tmp_path / 'ofa.pth'


def test_the_published_layout_is_read(ofa_file):
    space = OfaAccuracyPredictor.space
    configs = [space.min_config(), space.max_config(), space.uniform(ks=5, e=4, d=3, r=192)]
    predicted = AccuracyPredictor.from_ofa(ofa_file).predict(configs)
    assert predicted == pytest.approx([0.1 + 0.10, 0.5 + 0.20, 0.3 + 0.15])


def test_a_resolution_without_trained_weights_is_refused(ofa_file):
    config = replace(OfaAccuracyPredictor.space.max_config(), r=128)
    with pytest.raises(ValueError, match='r is 128; expected 160, 176, 192, 208, 224'):
        AccuracyPredictor.from_ofa(ofa_file).predict([config])


def test_the_std_of_the_published_predictor_is_nan(ofa_file):
    _, std = AccuracyPredictor.from_ofa(ofa_file).predict(
        [OfaAccuracyPredictor.space.max_config()], with_std=True
    )
    assert np.isnan(std).all()


def test_a_file_of_another_network_is_named(tmp_path):
    torch.save({'0.weight': torch.zeros(3, 3)}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other\.pth is not the 128-400-400-400-1 network'):
        AccuracyPredictor.from_ofa(tmp_path / 'other.pth')


needs_table = pytest.mark.skipif(not TABLE.exists(), reason=f'{TABLE} is missing')


@needs_table
def test_held_out_sub_networks_of_imagenet_are_ranked():
    """A random fifth is held out."""
    rows = read_rows(TABLE)
    held_out = set(np.random.default_rng(0).permutation(len(rows))[: len(rows) // 5].tolist())
    predictor = AccuracyPredictor().fit([r for i, r in enumerate(rows) if i not in held_out])
    others = [row for i, row in enumerate(rows) if i in held_out]
    measured = np.array([row['top1'] for row in others])
    predicted = predictor.predict(others)
    assert kendalltau(predicted, measured).statistic >= 0.90
    assert np.sqrt(np.mean((predicted - measured) ** 2)) <= 0.0032


@needs_table
@pytest.mark.skipif(not OFA.exists(), reason=f'{OFA} is missing')
def test_the_published_predictor_ranks_as_documented():
    rows = [row for row in read_rows(TABLE) if row['r'] >= 160]
    measured = np.array([row['top1'] for row in rows])
    predicted = AccuracyPredictor.from_ofa(OFA).predict(rows)
    assert kendalltau(predicted, measured).statistic == pytest.approx(0.82, abs=0.01)
    assert (predicted - measured).mean() == pytest.approx(0.058, abs=0.001)
    assert (predicted - measured).std() == pytest.approx(0.0038, abs=0.0001)
