# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""No command selects or measures on images that the weights were trained on."""

import shutil
from dataclasses import replace

import pytest
import torch
import yaml

from dynofa_ros.cli import main
from dynofa_ros.offline.data.dataset import DecodedImages
from dynofa_ros.offline.data.image_sets import images_of
from dynofa_ros.offline.data.known_images import read_images
from dynofa_ros.offline.data.readers import Reader
from dynofa_ros.offline.evaluation import accuracy
from dynofa_ros.offline.evaluation import run as evaluation
from dynofa_ros.supernet import load_model

SEARCH = (
    *('--population=4', '--generations=1', '--keep=2', '--latency-samples=2', '--rounds=3'),
    *('--engine=torch', '--samples=3', '--threads=1', '--seed=7'),
)


@pytest.fixture(scope='module')
def trained(train, write_images, tmp_path_factory):
    """Folder of a data set that is not divided, and of two models trained on it, one by one."""
    folder = tmp_path_factory.mktemp('trained')
    write_images(folder / 'photos')
    seen = {}
    with pytest.MonkeyPatch.context() as patch:
        batch = DecodedImages.training_batch
        for name, more in {'first': (), 'second': ('--from', folder / 'first')}.items():
            used = seen[name] = set(seen.get('first', ()))

            def record(self, index, *others, used=used):
                used.update(self.digests[index].tolist())
                return batch(self, index, *others)

            patch.setattr(DecodedImages, 'training_batch', record)
            seeds = ('--seed', len(seen), '--epochs', 1, '--held-out', '0.2')
            assert train(folder / 'photos', folder / name, *seeds, *more) == 0
    return folder, seen


@pytest.fixture
def measured(monkeypatch):
    """The digests of all images that sub-networks are measured on."""
    found = set()
    predict = accuracy.predict

    def record(net, static, data, *others, **options):
        found.update(data.digests.tolist())
        return predict(net, static, data, *others, **options)

    monkeypatch.setattr(accuracy, 'predict', record)
    monkeypatch.setattr(evaluation, 'predict', record)
    return found


def dynofa(verb, *arguments):
    return main([verb, *map(str, arguments)])


@pytest.mark.parametrize('name', ['first', 'second'])
def test_the_folder_lists_the_images_as_they_were_used(trained, name):
    folder, seen = trained
    known = read_images(load_model(str(folder / name)), str(folder / name))
    assert seen[name] <= set(known.trained.tolist())
    parts = [set(each.tolist()) for each in known.digests.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 24
    document = yaml.safe_load((folder / name / 'model.yaml').read_text())['data']
    assert document['method'] == 'stratified'
    assert [document[part] for part in ('training', 'held_out', 'test')] == [18, 3, 3]


def test_a_training_from_a_model_holds_out_the_same_images(trained):
    folder, _ = trained
    first, second = (
        read_images(load_model(str(folder / name)), str(folder / name)) for name in trained[1]
    )
    assert torch.equal(first.digests['held_out'], second.digests['held_out'])
    assert torch.equal(first.digests['test'], second.digests['test'])


@pytest.mark.parametrize('layout', ['photos', 'moved', 'larger'])
def test_evaluation_takes_the_images_that_were_not_seen(
    trained, measured, write_images, tmp_path, capsys, layout
):
    folder, seen = trained
    data = shutil.copytree(folder / 'photos', tmp_path / layout)
    if layout == 'larger':
        write_images(tmp_path / 'new', sizes=((12, 12),), seed=9)
        for each in (tmp_path / 'new').glob('*/*'):
            shutil.copy(each, data / each.parent.name / 'new.png')
    assert dynofa('evaluate', '--model', folder / 'second', '--data', data, '--threads=1') == 0
    assert '18 training, 3 held-out, 3 test' in capsys.readouterr().out
    assert len(measured) == (6 if layout == 'larger' else 3)
    assert not measured & seen['second']


def test_search_selects_and_measures_on_images_that_were_not_seen(trained, measured, tmp_path):
    pytest.importorskip('pymoo', reason='pymoo, of the extra search, is not installed')
    folder, seen = trained
    given = ('--model', folder / 'second', '--data', folder / 'photos', '--out', tmp_path / 'out')
    assert dynofa('search', *given, *SEARCH) == 0
    assert len(measured) == 6
    assert not measured & seen['second']
    own = (('--model', tmp_path / 'out'), ('--data', folder / 'photos', '--threads=1'))
    measured.clear()
    assert dynofa('evaluate', *own[0], *own[1]) == 0
    assert len(measured) == 3
    assert not measured & seen['second']


def test_quantisation_measures_on_images_that_were_not_seen(trained, monkeypatch, tmp_path):
    pytest.importorskip('nncf', reason='nncf, of the extra quantize, is not installed')
    from dynofa_ros.offline.quantization import model as quantization

    folder, seen = trained
    measured = set()
    compare = quantization.compare

    def record(float32, int8, preprocess, data, *others, **options):
        measured.update(data.digests.tolist())
        return compare(float32, int8, preprocess, data, *others, **options)

    monkeypatch.setattr(quantization, 'compare', record)
    given = ('--model', folder / 'second', '--data', folder / 'photos', '--out', tmp_path / 'out')
    assert dynofa('quantize', *given, '--rounds=3', '--threads=1', '--calibration-images=9') == 0
    assert len(measured) == 3
    assert not measured & seen['second']
    model = load_model(str(tmp_path / 'out'))
    assert read_images(model, str(tmp_path / 'out')) is not None


@pytest.mark.parametrize('verb', ['search', 'quantize'])
def test_another_data_set_is_refused_by_name(trained, write_images, tmp_path, capsys, verb):
    pytest.importorskip('pymoo' if verb == 'search' else 'nncf')
    folder, _ = trained
    other = write_images(tmp_path / 'other', seed=5)
    given = ('--model', folder / 'first', '--data', other, '--out', tmp_path / 'out')
    assert dynofa(verb, *given, '--threads=1') == 1
    error = capsys.readouterr().err
    assert 'other is another data set than that of first' in error
    assert 'expected photos, 18 images' in error


def test_held_out_images_that_a_model_was_trained_on_do_not_select(trained):
    folder, _ = trained
    model = load_model(str(folder / 'first'))
    record = replace(model.data, leak='by an earlier training')
    said = []
    sets = images_of(
        replace(model, data=record),
        str(folder / 'first'),
        str(folder / 'photos'),
        None,
        reader=Reader(log=said.append),
    )
    known = read_images(model, str(folder / 'first'))
    both = torch.cat([sets.held_out.digests, sets.test.digests])
    assert set(both.tolist()) <= set(known.digests['test'].tolist())
    assert 'the held-out images are not unseen (by an earlier training)' in said[-1]


def test_test_images_that_were_trained_on_are_left_out(trained, tmp_path):
    folder, seen = trained
    model, said = load_model(str(folder / 'first')), []
    reader = Reader(log=said.append)
    photos = str(folder / 'photos')
    sets = images_of(model, str(folder / 'first'), photos, photos, reader=reader)
    assert not set(sets.test.digests.tolist()) & seen['first']
    assert any('of 24 test images were trained on: left out' in text for text in said)


def test_a_list_of_another_training_is_refused(trained, tmp_path):
    folder, _ = trained
    copy = shutil.copytree(folder / 'first', tmp_path / 'copy')
    (copy / 'images.npz').write_bytes(b'PK')
    with pytest.raises(ValueError, match=r'images\.npz is damaged'):
        read_images(load_model(str(copy)), str(copy))
    (copy / 'images.npz').unlink()
    with pytest.raises(ValueError, match=r'images\.npz is damaged: .*No such file'):
        read_images(load_model(str(copy)), str(copy))
