import pytest
import torch

from dynofa_ros.supernet.checkpoint import CheckpointError
from dynofa_ros.supernet.official_keys import plain_key


@pytest.fixture
def state(net):
    return dict(net.state_dict())


@pytest.fixture
def load(net, tmp_path):
    """Return a function that saves a document and loads it."""

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


def test_missing_keys_are_counted_and_the_first_are_named(load, state):
    for key in [key for key in state if key.startswith('classifier') or '.se.' in key]:
        del state[key]
    first = r'stages\.1\.0\.se\.reduce\.weight, stages\.1\.0\.se\.reduce\.bias, .*, \.\.\.'
    with pytest.raises(CheckpointError, match=rf'does not fit: 50 missing \({first}\)$'):
        load({'state_dict': state})


def test_unknown_keys_are_counted_and_named(load, state):
    with pytest.raises(CheckpointError, match=r'1 unknown \(teacher\.weight\)'):
        load({'state_dict': state | {'teacher.weight': torch.zeros(2)}})


def test_another_shape_is_named_with_the_one_it_should_have(load, state):
    with pytest.raises(CheckpointError, match=r'classifier\.weight is 5x640, not 10x640'):
        load({'state_dict': state | {'classifier.weight': torch.zeros(5, 640)}})


def test_official_keys_are_named_as_in_the_official_files(load, state, net):
    official = {net.official_key(key): value for key, value in state.items()}
    del official['classifier.linear.bias']
    with pytest.raises(CheckpointError, match=r'1 missing \(classifier\.linear\.bias\)$'):
        load({'state_dict': official})


def test_an_official_key_under_an_old_and_a_new_name_is_refused(load, state, net):
    official = {net.official_key(key): value for key, value in state.items()}
    twice = official['first_conv.bn.weight']
    with pytest.raises(CheckpointError, match=r'has first_conv\.bn\.weight twice'):
        load({'state_dict': official | {'first_conv.bn.bn.weight': twice}})


def test_a_refused_checkpoint_leaves_the_weights_alone(load, state, net):
    before = {key: value.clone() for key, value in state.items()}
    changed = {key: value + 1 for key, value in state.items()}
    del changed['classifier.bias']
    with pytest.raises(CheckpointError):
        load({'state_dict': changed})
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


@pytest.mark.parametrize(
    ('document', 'found'),
    [
        ({'model': {}, 'epoch': 3}, 'it holds model, epoch'),
        ([1, 2], 'it holds list'),
        ({'state_dict': 3}, 'it holds state_dict'),
        ({'state_dict': {'classifier.bias': 'text'}}, 'classifier.bias is of type str'),
    ],
)
def test_what_is_no_checkpoint_is_refused_with_what_it_holds(load, document, found):
    with pytest.raises(CheckpointError, match=found):
        load(document)


def test_a_file_that_is_not_there_is_refused_by_its_name(net, tmp_path):
    with pytest.raises(CheckpointError, match=r'gone\.pt cannot be read: No such file'):
        net.load_checkpoint(tmp_path / 'gone.pt')


def test_a_damaged_file_is_refused_by_its_name(net, tmp_path):
    (tmp_path / 'damaged.pt').write_bytes(b'no checkpoint at all')
    with pytest.raises(CheckpointError, match=r'damaged\.pt is no checkpoint: '):
        net.load_checkpoint(tmp_path / 'damaged.pt')


class Intruder:
    def __reduce__(self):
        return print, ('code of the file ran',)


def test_a_file_that_runs_code_is_refused_and_its_code_does_not_run(load, capsys):
    with pytest.raises(CheckpointError, match='is no checkpoint: '):
        load({'state_dict': {'classifier.bias': Intruder()}})
    assert 'ran' not in capsys.readouterr().out
