import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.engine.prediction import predict

LABELS = ('cat', 'dog', 'frog')


def logits(*values):
    return np.array(values, np.float32)


def test_scores_are_the_softmax():
    found = predict(logits(0, np.log(2), np.log(5)), LABELS, 3)
    assert found.scores == pytest.approx((5 / 8, 2 / 8, 1 / 8))


def test_the_best_comes_first():
    found = predict(logits(1, 3, 2), LABELS, 3)
    assert (found.class_ids, found.labels) == ((1, 2, 0), ('dog', 'frog', 'cat'))


def test_no_more_than_the_top_are_returned():
    assert predict(logits(1, 3, 2), LABELS, 2).labels == ('dog', 'frog')


def test_there_are_no_more_than_there_are_classes():
    assert len(predict(logits(1, 3, 2), LABELS, 100).labels) == 3


def test_of_equals_the_first_class_comes_first():
    assert predict(logits(1, 1, 1), LABELS, 3).class_ids == (0, 1, 2)


@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=3, max_size=3))
def test_scores_add_up_to_1_however_large_the_logits(values):
    assert sum(predict(logits(*values), LABELS, 3).scores) == pytest.approx(1)
