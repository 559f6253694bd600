import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from dynofa_ros.engine import Classifier

LABELS = tuple('abcdefghij')
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def classifier(active, **options):
    return Classifier(active, LABELS, clock=itertools.count().__next__, **options)


def classify(made):
    return made.classify(made.prepare(lambda: IMAGE))


def test_it_predicts_what_the_active_sub_network_says(residents):
    large = residents['large']
    logits = large.run(large.preprocess(IMAGE))
    found = classify(classifier(large, top=1)).prediction
    assert found.class_ids == (int(logits.argmax()),)


def test_a_switch_changes_what_is_predicted(residents):
    made = classifier(residents['small'])
    before = classify(made)
    made.active = residents['large']
    assert classify(made).prediction.scores != before.prediction.scores


def test_an_image_prepared_for_another_resolution_is_prepared_again(residents):
    made = classifier(residents['small'])
    prepared = made.prepare(lambda: IMAGE)
    made.active = residents['large']
    switched = made.classify(prepared)
    assert switched.prediction == classify(classifier(residents['large'])).prediction
    assert switched.preprocess_s > prepared.preprocess_s


def test_as_many_classes_as_asked_for_come_back(residents):
    made = classifier(residents['small'])
    made.top = 3
    assert len(classify(made).prediction.labels) == 3


def test_every_part_is_timed():
    """Decoding belongs to preprocessing, softmax and labels to postprocessing."""
    now = [0.0]

    def takes(seconds, result):
        now[0] += seconds
        return result

    active = SimpleNamespace(
        preprocess=lambda image: takes(3, image),
        run=lambda x: takes(5, np.zeros(10, np.float32)),
    )
    made = Classifier(active, LABELS, clock=lambda: now[0])
    result = made.classify(made.prepare(lambda: takes(2, IMAGE)))
    assert (result.preprocess_s, result.inference_s, result.postprocess_s) == (5, 5, 0)


def test_what_the_decoder_raises_comes_through(residents):
    def broken():
        raise OSError('no image')

    with pytest.raises(OSError, match='no image'):
        classifier(residents['small']).prepare(broken)
