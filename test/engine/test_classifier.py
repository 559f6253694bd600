import itertools

import numpy as np
import pytest

from dynofa_ros.engine import Classifier

LABELS = tuple('abcdefghij')
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


class Engine:
    """Remembers what it was told."""

    name = 'none'
    threads = 0

    def set_threads(self, threads):
        self.threads = threads


def classifier(residents, **options):
    clock = itertools.count().__next__
    return Classifier(residents, Engine(), LABELS, threads=1, clock=clock, **options)


def test_at_first_the_cheapest_is_active(residents):
    assert classifier(residents).active.kept.subnet_id == 'small'


def test_it_predicts_what_the_active_sub_network_says(residents):
    made = classifier(residents, top=1)
    made.switch('large')
    large = residents['large']
    logits = large.run(large.preprocess(IMAGE))
    assert made.classify(lambda: IMAGE).prediction.class_ids == (int(logits.argmax()),)


def test_a_switch_changes_what_is_predicted(residents):
    made = classifier(residents)
    before = made.classify(lambda: IMAGE)
    made.switch('large')
    assert made.classify(lambda: IMAGE).prediction.scores != before.prediction.scores


def test_an_unknown_sub_network_names_the_known_and_changes_nothing(residents):
    made = classifier(residents)
    made.switch('middle')
    with pytest.raises(ValueError, match='resident: small, middle, large'):
        made.switch('huge')
    assert made.active.kept.subnet_id == 'middle'


def test_as_many_classes_as_asked_for_come_back(residents):
    made = classifier(residents)
    made.top = 3
    assert len(made.classify(lambda: IMAGE).prediction.labels) == 3


def test_every_part_is_timed(residents):
    """Decoding belongs to preprocessing, softmax and labels to postprocessing."""
    now = [0.0]

    def takes(seconds, result):
        now[0] += seconds
        return result

    class Slow:
        kept = residents['small'].kept

        @staticmethod
        def preprocess(image):
            return takes(3, image)

        @staticmethod
        def run(x):
            return takes(5, np.zeros(10, np.float32))

    made = Classifier(residents, Engine(), LABELS, threads=1, clock=lambda: now[0])
    made.active = Slow()
    result = made.classify(lambda: takes(2, IMAGE))
    assert (result.preprocess_s, result.inference_s, result.postprocess_s) == (5, 5, 0)


def test_the_engine_is_told_how_many_threads_to_use(residents):
    made = classifier(residents)
    made.threads = 7
    made.classify(lambda: IMAGE)
    assert made._engine.threads == 7


def test_what_the_decoder_raises_comes_through(residents):
    def broken():
        raise OSError('no image')

    with pytest.raises(OSError, match='no image'):
        classifier(residents).classify(broken)
