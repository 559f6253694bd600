# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa quantize` on a small model."""

import hashlib
import json
import shutil

import cv2
import pytest
import yaml

pytest.importorskip('nncf', reason='nncf, of the extra quantize, is not installed')
pytest.importorskip('openvino', reason='openvino is not installed')

from dynofa_ros.cli import main
from dynofa_ros.engine import CompiledCache, Place, ResidentSet, create_engine, networks
from dynofa_ros.offline.quantization.card import HEADING, add_to_card
from dynofa_ros.supernet import load_model

QUICK = ('--calibration-images=10', '--rounds=3', '--threads=1')


@pytest.fixture(scope='module')
def images(tmp_path_factory, model, write_images):
    folder = tmp_path_factory.mktemp('images')
    for seed, (part, count) in enumerate({'train': 2, 'test': 3}.items()):
        write_images(folder / part, ((32, 32),) * count, model.labels, seed)
    return folder


def quantize(model, images, out, *options):
    options = ('--model', model, '--data', images, '--out', out, *QUICK, *options)
    return main(['quantize', *map(str, options)])


@pytest.fixture(scope='module')
def quantized(model_folder, images, tmp_path_factory):
    """A copy of the model with two int8 sub-networks, and the figures."""
    folder = tmp_path_factory.mktemp('quantized')
    figures = folder / 'figures.json'
    subnets = ('--subnets', 'small', 'middle', '--json', figures)
    assert quantize(model_folder, images, folder / 'new', *subnets) == 0
    return folder / 'new', json.loads(figures.read_text())


@pytest.fixture
def copy(quantized, tmp_path):
    """The same, which a test may change."""
    return shutil.copytree(quantized[0], tmp_path / 'copy')


def test_the_new_model_keeps_float32_and_int8(quantized):
    folder, _ = quantized
    names = [each.subnet_id for each in load_model(str(folder)).kept]
    assert names == ['small-int8', 'small', 'middle-int8', 'middle', 'large']


def test_the_rest_of_the_model_is_copied(quantized, model_folder):
    folder, _ = quantized
    for name in ('model.yaml', 'weights.pt'):
        assert (folder / name).read_bytes() == (model_folder / name).read_bytes()


def test_no_other_files_remain(quantized):
    folder, _ = quantized
    assert {each.name for each in folder.parent.iterdir()} == {'new', 'figures.json'}
    assert {each.name for each in (folder / 'int8').iterdir()} == {
        'int8.yaml', 'small.onnx', 'middle.onnx'
    }  # fmt: skip


def test_the_accuracy_in_the_model_is_the_measured_one(quantized):
    folder, figures = quantized
    model = load_model(str(folder))
    for row in figures['subnets']:
        assert model.subnet(row['subnet_id']).accuracy == row['int8_top1']


def test_the_index_states_how_accuracy_was_measured(quantized):
    folder, figures = quantized
    entry = yaml.safe_load((folder / 'int8' / 'int8.yaml').read_text())['subnets'][0]
    content = (folder / 'int8' / 'small.onnx').read_bytes()
    assert entry['sha256'] == hashlib.sha256(content).hexdigest()
    assert (entry['test_images'], entry['calibration_images'], entry['seed']) == (30, 10, 0)
    assert entry['engine'] == figures['engine'] == 'openvino'
    assert entry['engine_version'] == figures['engine_version']


def test_the_figures_are_consistent(quantized):
    _, figures = quantized
    assert [row['of'] for row in figures['subnets']] == ['small', 'middle']
    for row in figures['subnets']:
        assert row['images'] == figures['test_images'] == 30
        assert row['difference'] == pytest.approx(row['int8_top1'] - row['float32_top1'])
        assert row['speedup'] == pytest.approx(row['float32_latency_s'] / row['int8_latency_s'])
        assert abs(row['difference']) <= 1 - row['agreement'] + 1e-9
        assert row['int8_bytes'] < row['float32_bytes']


def test_the_accuracies_are_reproduced_by_the_engine(quantized, images, tmp_path):
    folder, figures = quantized
    model = load_model(str(folder))
    residents = ResidentSet(
        networks(model, CompiledCache(tmp_path)), create_engine(figures['engine'])
    )
    for row in figures['subnets']:
        for name, top1 in ((row['of'], row['float32_top1']), (row['subnet_id'], row['int8_top1'])):
            resident = residents.load(name, Place('cpu', 1))
            right = 0
            for number, label in enumerate(model.labels):
                for file in (images / 'test' / label).iterdir():
                    x = resident.preprocess(cv2.imread(str(file)))
                    right += resident.run(x).argmax() == number
            assert right / 30 == pytest.approx(top1)


def test_the_card_ends_with_the_measurements(quantized):
    folder, figures = quantized
    card = (folder / 'README.md').read_text()
    assert card.count(HEADING) == 1
    for row in figures['subnets']:
        assert f'| `{row["of"]}` | {row["flops"] / 1e6:.1f} | {row["float32_top1"]:.2%} |' in card


def test_in_place_even_damaged_int8_sub_networks_are_replaced(copy, images, capsys):
    (copy / 'int8' / 'small.onnx').write_bytes(b'damaged')
    assert quantize(copy, images, copy, '--subnets', 'small') == 0
    names = [each.subnet_id for each in load_model(str(copy)).kept]
    assert names == ['small-int8', 'small', 'middle', 'large']
    assert (copy / 'README.md').read_text().count(HEADING) == 1
    assert not list(copy.glob('*partial*'))
    assert f'{copy / "int8"} contains 1 int8 sub-networks' in capsys.readouterr().out


def test_a_failure_changes_nothing(copy, images, monkeypatch, capsys):
    def fail(*arguments, **options):
        raise ValueError('NNCF: no')

    def contents():
        return {file: file.read_bytes() for file in copy.rglob('*') if file.is_file()}

    monkeypatch.setattr('dynofa_ros.offline.quantization.nncf.quantize_onnx', fail)
    before = contents()
    assert quantize(copy, images, copy) == 1
    assert capsys.readouterr().err == 'dynofa quantize: NNCF: no\n'
    assert contents() == before


@pytest.mark.parametrize(
    ('options', 'problem'),
    [
        (('--calibration-images=0',), 'calibration-images is 0; expected at least 1'),
        (('--test-images=-1',), 'test-images is -1; expected at least 0'),
        (('--rounds=2',), 'rounds is 2; expected at least 3'),
        (('--threads=-1',), 'threads is -1'),
        (('--seed=-1',), 'seed is -1'),
        (('--subnets', 'huge'), "sub-network is 'huge'; expected one of small, middle, large"),
        (
            ('--json', '/no/such/f.json'),
            'json is /no/such/f.json; expected a file in an existing folder',
        ),
        (('--test', '/no/such'), 'data set /no/such does not exist'),
    ],
)
def test_an_invalid_option_is_rejected(model_folder, images, tmp_path, capsys, options, problem):
    assert quantize(model_folder, images, tmp_path / 'new', *options) == 1
    assert f'dynofa quantize: {problem}' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_not_overwritten(model_folder, images, tmp_path, capsys):
    assert quantize(model_folder, images, tmp_path) == 1
    assert 'exists; expected a new folder, or the model itself' in capsys.readouterr().err


def test_without_nncf_the_error_names_the_remedy(
    model_folder, images, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr('dynofa_ros.commands.find_spec', lambda name: None)
    assert quantize(model_folder, images, tmp_path / 'new') == 1
    assert "nncf is not installed: pip install 'dynofa_ros[quantize]'" in capsys.readouterr().err


def test_evaluation_measures_int8_sub_networks_too(quantized, images, tmp_path):
    folder, rows = quantized
    figures, report = tmp_path / 'figures.json', tmp_path / 'report'
    given = ('--model', folder, '--data', images, '--threads', 1, '--json', figures)
    assert main(['evaluate', *map(str, given), '--report', str(report)]) == 0
    found = {each['subnet_id']: each['top1'] for each in json.loads(figures.read_text())}
    assert list(found) == ['small-int8', 'small', 'middle-int8', 'middle', 'large']
    for row in rows['subnets']:
        assert found[row['subnet_id']] == pytest.approx(row['int8_top1'])
    assert (report / 'small-int8' / 'predictions.csv').is_file()


@pytest.mark.parametrize('after', ['', '## Limits\n\nMany.\n'])
def test_an_earlier_section_is_replaced_and_the_others_are_kept(tmp_path, after):
    (tmp_path / 'README.md').write_text(f'# x\n\n{HEADING}\n\nold\n\n{after}')
    add_to_card(tmp_path, 'x', f'{HEADING}\n\nnew\n')
    rest = f'{after}\n' if after else ''
    assert (tmp_path / 'README.md').read_text() == f'# x\n\n{rest}{HEADING}\n\nnew\n'


def test_a_missing_card_is_created(tmp_path):
    add_to_card(tmp_path, 'x', f'{HEADING}\n\nnew\n')
    assert (tmp_path / 'README.md').read_text() == f'# x\n\n{HEADING}\n\nnew\n'
