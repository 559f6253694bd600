# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Images for training, selection and test, none of which is in two of them.

The folder of a model lists them. Later commands, and trainings that start from the model, take each
image for what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from dynofa_ros.offline.data.dataset import Dataset, class_indices
from dynofa_ros.offline.data.known_images import PARTS, KnownImages, read_images, write_images
from dynofa_ros.offline.data.readers import GivenImages, Reader
from dynofa_ros.offline.data.split import Amount, stratified_split
from dynofa_ros.supernet.image_record import ImageRecord
from dynofa_ros.supernet.model import Model

MOST_HELD_OUT = 2500
HELD_OUT_FRACTION = TEST_FRACTION = 0.1


@dataclass(frozen=True)
class ImageSets:
    """Images to train on, to select sub-networks on, and to test the selected ones on."""

    training: Dataset
    held_out: Dataset
    test: Dataset
    method: str = 'stratified'
    """How the held-out images were chosen; see :class:`ImageRecord`."""
    seed: int = 0
    earlier: KnownImages | None = None
    """The images of the model whose weights the training starts from."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names by index; empty if the images have indices only."""
        return self.training.labels

    def write_record(self, folder: Path, name: str) -> ImageRecord:
        """List the images in the folder of a model; return what its ``model.yaml`` states.

        ``name`` is that of the data set.
        """
        digests = {part: torch.unique(getattr(self, part).digests) for part in PARTS}
        if self.earlier is not None:  # the weights depend on those too
            both = torch.cat([digests['training'], self.earlier.trained])
            digests['training'] = torch.unique(both)
        return ImageRecord(
            name=name,
            method=self.method,
            seed=self.seed,
            training=len(self.training),
            held_out=len(self.held_out),
            test=len(self.test),
            fingerprint=write_images(folder, digests),
        )


def divide(
    given: GivenImages,
    *,
    held_out: Amount | None,
    seed: int,
    earlier: KnownImages | None = None,
    log: Callable[[str], None] = lambda text: None,
) -> ImageSets:
    """Divide images for a training. Each image that ``earlier`` lists stays what it was there.

    Without test images, a tenth of every class is split off for the test. Without validation images
    and ``held_out``, a tenth of the rest, at most 2500, is held out.

    Raises:
        ValueError: if a part would be empty.
    """
    given = _without_equal_test(given, log)
    whole = given.train
    none = torch.empty(0, dtype=torch.int64)
    known = dict.fromkeys(PARTS, none)
    if earlier is not None:
        known = {**earlier.digests, 'training': earlier.trained}
        if earlier.record.leak:
            known['held_out'] = none
    fixed = {part: torch.isin(whole.digests, known[part]) for part in PARTS}
    new = whole.subset((~(fixed['training'] | fixed['held_out'] | fixed['test'])).nonzero()[:, 0])
    if len(new) < len(whole):
        assert earlier is not None
        log(
            f'{len(whole) - len(new)} of {len(whole)} images were used for {earlier.record.name} '
            'before, and stay what they were: for training, held-out or test'
        )
    held_out_digests, test_digests = known['held_out'], known['test']
    if given.test is None and len(new):
        new, part = stratified_split(new, TEST_FRACTION, seed=seed, what='test')
        test_digests = torch.cat([test_digests, part.digests])
    if given.val is None and len(new):
        amount = HELD_OUT_FRACTION if held_out is None else held_out
        most = MOST_HELD_OUT if held_out is None else None
        new, part = stratified_split(new, amount, seed=seed, most=most)
        held_out_digests = torch.cat([held_out_digests, part.digests])
    if given.test is None:
        test = _of(whole, test_digests)
    else:
        test = _unseen(given.test, known['training'], 'test', log)
    if given.val is None:
        selecting = _without(_of(whole, held_out_digests), test.digests)
    else:
        selecting = _without(_unseen(given.val, known['training'], 'validation', log), test.digests)
    training = _without(whole, torch.cat([selecting.digests, test.digests]))
    unused = len(whole) - len(training)
    for split_off, each in ((given.val is None, selecting), (given.test is None, test)):
        unused -= len(each) if split_off else 0
    if unused > 0:
        log(f'{unused} training images are also among the test or held-out images: not trained on')
    for what, each in (('training', training), ('held-out', selecting), ('test', test)):
        if not len(each):
            raise ValueError(f'the number of {what} images is 0; expected 1 or more')
    method = 'stratified' if given.val is None else 'given'
    return ImageSets(training, selecting, test, method, seed, earlier)


def images_of(
    model: Model,
    name_or_path: str,
    data: str,
    test: str | None,
    *,
    held_out: Amount | None = None,
    seed: int = 0,
    selects: bool = True,
    reader: Reader | None = None,
) -> ImageSets:
    """Return the images of a model's training, divided as they were there, with its class indices.

    A model that lists no images takes ``held_out`` images that the caller says it has not seen. If
    the weights depend on the held-out images, half of the test images take their place, unless the
    caller ``selects`` nothing.

    Raises:
        ValueError: if ``data`` is another data set than the model was trained on, by name.
    """
    reader = reader or Reader()
    given = _relabelled(reader.given(data, test), model.labels, data)
    known = read_images(model, name_or_path)
    if known is None:
        return _unlisted(
            model, given, held_out, seed=seed, selects=selects, data=data, log=reader.log
        )
    if held_out is not None:
        raise ValueError(
            f'held-out is {held_out}; expected none, because {model.name} lists the images that '
            'were held out of its training'
        )
    found = {part: known.among(given.train, part) for part in PARTS}
    if not bool(found['training'].any()):
        raise ValueError(
            f'{data} is another data set than that of {model.name}: none of its {len(given.train)} '
            f'images was trained on; expected {known.record.name}, {known.record.training} images'
        )
    training = given.train.subset(found['training'].nonzero()[:, 0])
    if known.record.leak and selects:
        tested = _tested(given, known, found['test'], data, reader.log)
        if len(tested) < 2:
            raise ValueError(f'{data} has {len(tested)} test images; expected 2 or more')
        final, selecting = stratified_split(tested, 0.5, seed=known.record.seed)
        reader.log(
            f'{model.name}: the held-out images are not unseen ({known.record.leak}); '
            f'{len(selecting)} of the {len(tested)} test images select, the others measure'
        )
        return ImageSets(training, selecting, final, 'stratified', known.record.seed)
    if given.val is not None and known.record.method == 'given':
        among = known.among(given.val, 'held_out')
        selecting = given.val.subset(among.nonzero()[:, 0])
    else:
        selecting = given.train.subset(found['held_out'].nonzero()[:, 0])
    if selects and not len(selecting):
        raise ValueError(
            f'{data} has none of the {known.record.held_out} images that were held out of the '
            f'training of {model.name}; expected {known.record.name}'
        )
    tested = _tested(given, known, found['test'], data, reader.log)
    reader.log(
        f'{model.name} lists {len(training)} training, {len(selecting)} held-out and {len(tested)} '
        f'test images of {data}'
    )
    return ImageSets(training, selecting, tested, known.record.method, known.record.seed)


def images_to_evaluate(
    data: Dataset,
    known: KnownImages | None,
    part: str | None,
    *,
    what: str,
    log: Callable[[str], None] = lambda text: None,
) -> Dataset:
    """Return the images of a part of a training; by default those that it did not see, if any.

    ``part`` is ``test``, ``held-out``, ``training`` or ``all``. ``what`` names the data set.

    Raises:
        ValueError: if there are no images of the part, or the model does not list its images.
    """
    if known is None:
        if part not in (None, 'all'):
            raise ValueError(
                f'part is {part}; expected all, because the model does not list the images of its '
                'training'
            )
        return data
    masks = {each: known.among(data, each) for each in PARTS}
    masks['new'] = ~(masks['training'] | masks['held_out'] | masks['test'])
    counts = ', '.join(
        f'{int(mask.sum())} {each.replace("_", "-")}' for each, mask in masks.items() if mask.any()
    )
    masks['unseen'] = masks['test'] | masks['new']
    masks['all'] = torch.ones(len(data), dtype=torch.bool)
    chosen = part.replace('-', '_') if part else 'unseen' if masks['unseen'].any() else 'all'
    if chosen == 'all' or not masks['unseen'].all():
        log(f'{what}: images of the training of this model: {counts}; measured on: {chosen}')
    if chosen == 'all' and (trained := torch.isin(data.digests, known.trained)).any():
        log(f'{int(trained.sum())} of these {len(data)} images were trained on: too optimistic')
    if not masks[chosen].any():
        raise ValueError(f'part is {part}; expected a part that {what} has: {counts}')
    return data.subset(masks[chosen].nonzero()[:, 0])


def _unlisted(
    model: Model,
    given: GivenImages,
    held_out: Amount | None,
    *,
    seed: int,
    selects: bool,
    data: str,
    log: Callable[[str], None],
) -> ImageSets:
    """Return the images for a model that does not list those of its training."""
    if given.test is None:
        raise ValueError(
            f'{data} holds no train alongside test or val; name the test images with --test'
        )
    if selects and held_out is None and given.val is None:
        raise ValueError(
            f'held-out is missing; expected a number or fraction of images that {model.name} was '
            'not trained on, because its folder does not list the images of its training'
        )
    log(f'{model.name} does not list its images: whether it was trained on these is unknown')
    if selects:
        return divide(given, held_out=held_out, seed=seed, log=log)
    given = _without_equal_test(given, log)
    if given.test is None:
        training, tested = stratified_split(given.train, TEST_FRACTION, seed=seed, what='test')
    else:
        training, tested = _without(given.train, given.test.digests), given.test
    return ImageSets(training, training.subset(torch.empty(0, dtype=torch.int64)), tested)


def _relabelled(given: GivenImages, labels: tuple[str, ...], what: str) -> GivenImages:
    def relabel(data: Dataset) -> Dataset:
        classes = class_indices(data, labels, what=what)
        return replace(data, classes=classes, labels=labels)  # type: ignore[type-var]

    others = {
        part: None if (data := getattr(given, part)) is None else relabel(data)
        for part in ('val', 'test')
    }
    return replace(given, train=relabel(given.train), **others)  # type: ignore[arg-type]


def _without_equal_test(given: GivenImages, log: Callable[[str], None]) -> GivenImages:
    """Return the images without those for the test, if all training images are among them."""
    if given.test is None or not torch.isin(given.train.digests, given.test.digests).all():
        return given
    log('the test images are those of the training: a tenth of every class takes their place')
    return replace(given, test=None)


def _tested(
    given: GivenImages,
    known: KnownImages,
    in_train: Tensor,
    data: str,
    log: Callable[[str], None],
) -> Dataset:
    """Return the test images: those that are named, or those that the model lists."""
    if given.test is None:
        found = given.train.subset(in_train.nonzero()[:, 0])
        if not len(found):
            raise ValueError(f'{data} has no test images; name the test images with --test')
        return found
    seen = torch.cat([known.trained, known.digests['held_out']])
    return _unseen(given.test, seen, 'test', log)


def _unseen(data: Dataset, seen: Tensor, what: str, log: Callable[[str], None]) -> Dataset:
    """Return the images that were not trained on, and say how many were."""
    unseen = _without(data, seen)
    if len(unseen) < len(data):
        log(f'{len(data) - len(unseen)} of {len(data)} {what} images were trained on: left out')
    return unseen


def _of(data: Dataset, digests: Tensor) -> Dataset:
    return data.subset(torch.isin(data.digests, digests).nonzero()[:, 0])


def _without(data: Dataset, digests: Tensor) -> Dataset:
    return data.subset((~torch.isin(data.digests, digests)).nonzero()[:, 0])
