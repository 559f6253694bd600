# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import os

import pytest
import torch

from dynofa_ros.supernet.calibration import calibrate
from dynofa_ros.supernet.checkpoint import CheckpointError
from dynofa_ros.supernet.official_keys import plain_key


@pytest.fixture
def state(net):
    return dict(net.state_dict())


@pytest.fixture
def official(net, state):
    """The same weights by official key."""
    return {net.official_key(key): value for key, value in state.items()}


@pytest.fixture
def load(net, tmp_path):
    """Return a function that saves a document and loads it as a checkpoint."""

    def load(document):
        torch.save(document, tmp_path / 'weights.pt')
        net.load_checkpoint(tmp_path / 'weights.pt')

    return load


@pytest.mark.parametrize(
    ('key', 'plain'),
    [
        ('blocks.1.conv.depth_conv.bn.bn.weight', 'blocks.1.conv.depth_conv.bn.weight'),
        (
            'blocks.1.mobile_inverted_conv.point_linear.conv.weight',
            'blocks.1.conv.point_linear.conv.weight',
        ),
        ('blocks.1.conv.depth_conv.conv.conv.weight', 'blocks.1.conv.depth_conv.conv.weight'),
        ('blocks.1.conv.depth_conv.conv.7to5_matrix', 'blocks.1.conv.depth_conv.conv.7to5_matrix'),
        ('input_stem.1.conv.conv.conv.weight', 'input_stem.1.conv.weight'),
        ('classifier.linear.linear.bias', 'classifier.linear.bias'),
        ('blocks.11.conv1.conv.weight', 'blocks.11.conv1.conv.weight'),
    ],
)
def test_all_generations_of_official_keys_have_one_plain_form(key, plain):
    assert plain_key(key) == plain


def test_missing_keys_are_counted_and_the_first_ones_listed(load, state):
    for key in [key for key in state if key.startswith('classifier') or '.se.' in key]:
        del state[key]
    first = r'stages\.1\.0\.se\.reduce\.weight, stages\.1\.0\.se\.reduce\.bias, .*, \.\.\.'
    with pytest.raises(CheckpointError, match=rf'does not fit: 50 missing \({first}\)$'):
        load({'state_dict': state})


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'teacher.weight': torch.zeros(2)}, r'1 unknown \(teacher\.weight\)'),
        (
            {'classifier.weight': torch.zeros(5, 640)},
            r'shape of classifier\.weight is 5x640; expected 10x640',
        ),
    ],
)
def test_unknown_keys_and_wrong_shapes_are_reported(load, state, change, message):
    with pytest.raises(CheckpointError, match=message):
        load({'state_dict': state | change})


def test_missing_official_keys_are_listed_by_their_official_name(load, official):
    del official['classifier.linear.bias']
    with pytest.raises(CheckpointError, match=r'1 missing \(classifier\.linear\.bias\)$'):
        load({'state_dict': official})


def test_a_weight_with_both_an_old_and_a_new_official_key_is_refused(load, official):
    official['first_conv.bn.bn.weight'] = official['first_conv.bn.weight']
    with pytest.raises(CheckpointError, match=r'contains first_conv\.bn\.weight twice'):
        load({'state_dict': official})


def test_a_refused_checkpoint_does_not_change_the_weights(load, state, net):
    before = {key: value.clone() for key, value in state.items()}
    changed = {key: value + 1 for key, value in state.items()}
    del changed['classifier.bias']
    with pytest.raises(CheckpointError):
        load({'state_dict': changed})
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


@pytest.mark.parametrize(
    ('document', 'found'),
    [
        ({'model': {}, 'epoch': 3}, 'content is model, epoch; expected'),
        ([1, 2], 'content is list'),
        ({'state_dict': 3}, 'content is state_dict'),
        (
            {'state_dict': {'classifier.bias': 'text'}},
            'type of classifier.bias is str; expected a tensor',
        ),
    ],
)
def test_a_document_that_is_not_a_checkpoint_is_refused(load, document, found):
    with pytest.raises(CheckpointError, match=found):
        load(document)


def test_a_missing_file_is_reported(net, tmp_path):
    with pytest.raises(CheckpointError, match=r'gone\.pt cannot be read: No such file'):
        net.load_checkpoint(tmp_path / 'gone.pt')


def test_a_damaged_file_is_reported(net, tmp_path):
    (tmp_path / 'damaged.pt').write_bytes(b'not a checkpoint at all')
    with pytest.raises(CheckpointError, match=r'damaged\.pt is not a checkpoint: '):
        net.load_checkpoint(tmp_path / 'damaged.pt')


class Intruder:
    def __reduce__(self):
        return print, ('code of the file ran',)


def test_a_file_with_code_is_refused_without_running_the_code(load, capsys):
    with pytest.raises(CheckpointError, match='is not a checkpoint: '):
        load({'state_dict': {'classifier.bias': Intruder()}})
    assert 'ran' not in capsys.readouterr().out


def test_a_half_precision_checkpoint_loads(random_supernet, tmp_path):
    net, other = random_supernet(0), random_supernet(1)
    state = {name: value.half() for name, value in net.state_dict().items()}
    torch.save({'state_dict': state}, tmp_path / 'weights.pt')
    other.load_checkpoint(tmp_path / 'weights.pt')
    torch.testing.assert_close(other.classifier.weight, net.classifier.weight, rtol=1e-3, atol=1e-4)


def test_loading_a_checkpoint_clears_calibrated_statistics(random_supernet, images, tmp_path):
    net = random_supernet()
    calibrate(net, net.space.min_config(), [images(20, 4)])
    torch.save({'state_dict': net.state_dict()}, tmp_path / 'weights.pt')
    net.load_checkpoint(tmp_path / 'weights.pt')
    assert not net.statistics


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_weights_that_are_not_finite_are_refused(load, state, value):
    bias = torch.full_like(state['classifier.bias'], value)
    with pytest.raises(CheckpointError, match=r'classifier\.bias hold NaN or infinity'):
        load({'state_dict': state | {'classifier.bias': bias}})


def test_a_pipe_in_place_of_a_checkpoint_is_refused(net, tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(CheckpointError, match='is not a regular file; expected a checkpoint'):
        net.load_checkpoint(tmp_path / 'pipe')
