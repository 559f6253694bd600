# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.engine import Classifier, EngineError
from dynofa_ros.engine.classifier import predict

LABELS = tuple('abcdefghij')
ANIMALS = ('cat', 'dog', 'frog')
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def make_classifier(active, **options):
    return Classifier(active, LABELS, clock=itertools.count().__next__, **options)


def classify(classifier):
    return classifier.classify(classifier.prepare(lambda: IMAGE))


def test_the_prediction_is_that_of_the_active_sub_network(residents):
    large = residents['large']
    logits = large.run(large.preprocess(IMAGE))
    found = classify(make_classifier(large, top=1)).prediction
    assert found.class_ids == (int(logits.argmax()),)


def test_a_switch_changes_the_prediction(residents):
    classifier = make_classifier(residents['small'])
    before = classify(classifier)
    classifier.active = residents['large']
    assert classify(classifier).prediction.scores != before.prediction.scores


def test_an_image_prepared_for_another_resolution_is_preprocessed_again(residents):
    classifier = make_classifier(residents['small'])
    prepared = classifier.prepare(lambda: IMAGE)
    classifier.active = residents['large']
    switched = classifier.classify(prepared)
    assert switched.prediction == classify(make_classifier(residents['large'])).prediction
    assert switched.preprocess_s > prepared.preprocess_s


def test_the_number_of_classes_is_adjustable(residents):
    classifier = make_classifier(residents['small'])
    classifier.top = 3
    assert len(classify(classifier).prediction.labels) == 3


def test_every_stage_is_timed():
    """Decoding is part of preprocessing; softmax and labels are part of postprocessing."""
    now = [0.0]

    def takes(seconds, result):
        now[0] += seconds
        return result

    active = SimpleNamespace(
        preprocess=lambda image: takes(3, image),
        run=lambda x: takes(5, np.zeros(10, np.float32)),
        kept=SimpleNamespace(temperature=1.0),
    )
    classifier = Classifier(active, LABELS, clock=lambda: now[0])
    result = classifier.classify(classifier.prepare(lambda: takes(2, IMAGE)))
    assert (result.preprocess_s, result.inference_s, result.postprocess_s) == (5, 5, 0)


def test_errors_of_the_decoder_propagate(residents):
    def broken():
        raise OSError('no image')

    with pytest.raises(OSError, match='no image'):
        make_classifier(residents['small']).prepare(broken)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused_with_the_sub_network(residents, value):
    def run(network_input):
        logits = small.run(network_input).copy()
        logits[3] = value
        return logits

    small = residents['small']
    with pytest.raises(EngineError, match='small gives NaN or infinity; expected finite logits'):
        classify(make_classifier(replace(small, run=run)))


def logits(*values):
    return np.array(values, np.float32)


def test_scores_are_the_softmax_of_the_logits():
    found = predict(logits(0, np.log(2), np.log(5)), ANIMALS, 3)
    assert found.scores == pytest.approx((5 / 8, 2 / 8, 1 / 8))


def test_the_best_class_comes_first():
    found = predict(logits(1, 3, 2), ANIMALS, 3)
    assert (found.class_ids, found.labels) == ((1, 2, 0), ('dog', 'frog', 'cat'))


def test_at_most_top_classes_are_returned():
    assert predict(logits(1, 3, 2), ANIMALS, 2).labels == ('dog', 'frog')
    assert len(predict(logits(1, 3, 2), ANIMALS, 100).labels) == 3


def test_classes_of_equal_score_keep_their_order():
    assert predict(logits(1, 1, 1), ANIMALS, 3).class_ids == (0, 1, 2)


@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=3, max_size=3))
def test_scores_sum_to_1_even_for_large_logits(values):
    assert sum(predict(logits(*values), ANIMALS, 3).scores) == pytest.approx(1)


@given(st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3), st.floats(0.05, 20))
def test_a_temperature_divides_the_logits(values, temperature):
    found = predict(logits(*values), ANIMALS, 3, temperature=temperature)
    expected = predict(np.array(values) / temperature, ANIMALS, 3)
    assert found.class_ids == predict(logits(*values), ANIMALS, 3).class_ids
    assert found.scores == pytest.approx(expected.scores)


def calibrated(resident, temperature):
    return replace(resident, kept=replace(resident.kept, temperature=temperature))


def test_scores_are_those_of_the_temperature_of_the_sub_network(residents):
    small = residents['small']
    plain = classify(make_classifier(small)).prediction
    softer = classify(make_classifier(calibrated(small, 4.0))).prediction
    assert softer.class_ids == plain.class_ids
    expected = np.array(plain.scores) ** 0.25
    ratios = np.array(softer.scores) / softer.scores[0]
    assert ratios == pytest.approx(expected / expected[0])


def test_a_later_stage_starts_from_the_decoded_image(residents):
    classifier = make_classifier(residents['small'])
    prepared = classifier.prepare(lambda: IMAGE)
    refined = classifier.refine(prepared, residents['large'], temperature=1.0)
    assert refined.prediction == classify(make_classifier(residents['large'])).prediction
    assert (refined.preprocess_s, classifier.active) == (1, residents['small'])


def test_a_later_stage_of_the_same_resolution_is_not_preprocessed_again(residents):
    classifier = make_classifier(residents['small'])
    twin = replace(residents['small'])
    refined = classifier.refine(classifier.prepare(lambda: IMAGE), twin, temperature=1.0)
    assert refined.preprocess_s == 0


def test_a_later_stage_has_the_temperature_of_its_cascade(residents):
    classifier = make_classifier(residents['small'])
    large = calibrated(residents['large'], 9.0)
    refined = classifier.refine(classifier.prepare(lambda: IMAGE), large, temperature=1.0)
    assert refined.prediction == classify(make_classifier(residents['large'])).prediction
