# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math
import shutil
from dataclasses import replace

import pytest
import yaml

from dynofa_ros.supernet import ModelError, load_model
from dynofa_ros.supernet.cascade_record import (
    CascadeRecord,
    cascade_fingerprint,
    score_fingerprints,
)
from dynofa_ros.supernet.model import drop_cascades, save_cascades, save_model

VALUES = {
    'cascade_id': 'small+large@0.7',
    'stages': ('small', 'large'),
    'thresholds': (0.7,),
    'temperatures': (1.1,),
    'reached': (0.4,),
    'accuracy': 0.48,
    'answer_accuracy': (0.6, 0.3),
    'early_accuracy': (math.nan,),
    'flops': 1_000_000,
    'images': 100,
    'fingerprint': 'x',
}
TEMPERATURES = {'small': 0.9, 'middle': 1.0, 'large': 1.2}
TABLE = b'any bytes: only their digest counts here'


def record(**changes):
    return CascadeRecord(**(VALUES | changes))


@pytest.fixture
def folder(model_folder, model, tmp_path):
    """A copy of the model folder with temperatures and a cascade."""
    folder = shutil.copytree(model_folder, tmp_path / 'model')
    kept = [replace(k, temperature=TEMPERATURES[k.subnet_id]) for k in model.kept]
    scores = score_fingerprints(model.keys(), kept, model.labels)
    fingerprint = cascade_fingerprint(
        scores, stages=VALUES['stages'], thresholds=(0.7,), temperatures=(1.1,)
    )
    save_cascades(
        folder, temperatures=TEMPERATURES, cascades=[record(fingerprint=fingerprint)], scores=TABLE
    )
    return folder


@pytest.fixture
def change(folder):
    """Return a function that changes fields of the cascade in model.yaml, or of the document."""

    def change(document=None, **fields):
        file = folder / 'model.yaml'
        content = yaml.safe_load(file.read_text()) | (document or {})
        content['cascades'][0] |= fields
        file.write_text(yaml.safe_dump(content))

    return change


def refuse(folder, message):
    with pytest.raises(ModelError, match=message):
        load_model(str(folder))


def test_temperatures_and_cascades_are_read_back(folder):
    loaded = load_model(str(folder))
    assert {k.subnet_id: k.temperature for k in loaded.kept} == TEMPERATURES
    (cascade,) = loaded.cascades
    assert (cascade.cascade_id, cascade.stages) == ('small+large@0.7', ('small', 'large'))
    assert math.isnan(cascade.early_accuracy[0])
    assert (folder / 'scores.npz').read_bytes() == TABLE


def test_a_model_without_cascades_has_none_and_the_temperature_1(model):
    assert model.cascades == ()
    assert {k.temperature for k in model.kept} == {1.0}


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        ({'stages': ['small', 'huge']}, "stage is 'huge'; expected one of small, middle, large"),
        ({'stages': ['large', 'small']}, 'stages is large, small; expected ascending operations'),
        ({'stages': ['small', 'middle']}, 'fingerprint is .* other weights'),
        ({'thresholds': [0.6]}, 'fingerprint is .* other weights, thresholds'),
        ({'temperatures': [1.0]}, 'fingerprint is'),
        ({'fingerprint': 'feed'}, 'fingerprint is feed; expected'),
    ],
)
def test_a_cascade_that_does_not_fit_is_refused_by_name(folder, change, fields, words):
    change(**fields)
    refuse(folder, rf'model\.yaml: cascade small\+large@0\.7: {words}')


def test_a_cascade_of_other_labels_is_refused(folder, change):
    document = yaml.safe_load((folder / 'model.yaml').read_text())
    change({'labels': document['labels'][::-1]})
    refuse(folder, 'small.*fingerprint is .* labels')


def test_a_cascade_of_another_temperature_is_refused(folder, change):
    subnets = yaml.safe_load((folder / 'model.yaml').read_text())['subnets']
    subnets[0]['temperature'] = 2.0
    change({'subnets': subnets})
    refuse(folder, 'fingerprint is .* temperatures')


def test_a_cascade_given_twice_is_refused(folder):
    document = yaml.safe_load((folder / 'model.yaml').read_text())
    document['cascades'] *= 2
    (folder / 'model.yaml').write_text(yaml.safe_dump(document))
    refuse(folder, 'small.*given twice')


def test_a_table_of_other_cascades_is_refused(folder):
    (folder / 'scores.npz').write_bytes(b'others')
    refuse(folder, r'scores\.npz: SHA-256 is .* does not belong to its cascades')


def test_a_robot_needs_no_table(folder):
    (folder / 'scores.npz').unlink()
    assert load_model(str(folder)).cascades


def test_a_missing_int8_stage_leaves_the_cascade_out_with_a_remedy(folder, change):
    change(stages=['small-int8', 'large'])
    loaded = load_model(str(folder))
    assert loaded.cascades == ()
    assert (
        'small-int8 is not in the folder int8: run dynofa quantize'
        in (loaded.left_out['small+large@0.7'])
    )


def test_a_damaged_cascade_can_be_replaced(folder, change):
    change(fingerprint='feed')
    assert load_model(str(folder), cascades=False).cascades == ()


def test_new_weights_drop_the_cascades_and_their_table(folder):
    loaded = load_model(str(folder))
    assert save_model(folder, loaded, {}) == ('small+large@0.7',)
    assert load_model(str(folder)).cascades == ()
    assert not (folder / 'scores.npz').exists()


def test_cascades_of_given_stages_are_dropped(folder):
    assert drop_cascades(folder, ['middle']) == ()
    assert drop_cascades(folder, ['middle', 'large']) == ('small+large@0.7',)
    assert load_model(str(folder)).cascades == ()


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'stages': ('a',)}, 'stages is'),
        ({'stages': ('a', 'a')}, 'stages is a, a; expected each sub-network once'),
        ({'thresholds': (0.1, 0.2)}, 'thresholds holds 2 values; expected 1'),
        ({'thresholds': (1.5,)}, 'thresholds'),
        ({'temperatures': (0.0,)}, 'temperatures'),
        ({'answer_accuracy': (0.1, 1.1)}, 'answer_accuracy'),
        (
            {
                'stages': ('a', 'b', 'c'),
                'thresholds': (0.1, 0.2),
                'temperatures': (1.0, 1.0),
                'reached': (0.1, 0.2),
                'answer_accuracy': (0.1, 0.1, 0.1),
                'early_accuracy': (0.1, 0.1),
            },
            'expected descending shares',
        ),
    ],
)
def test_values_that_do_not_fit_together_are_refused(changes, words):
    with pytest.raises(ModelError, match=words):
        record(**changes)
