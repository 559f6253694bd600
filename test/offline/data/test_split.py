# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch

from dynofa_ros.offline.data.split import parse_amount, proportional, stratified_split


def digests(data):
    return set(data.digests.tolist())


@pytest.mark.parametrize('amount', [0.1, 0.25, 6, 30])
def test_every_image_is_in_one_part_and_every_class_in_proportion(thumbnails, amount):
    data = thumbnails(60)
    rest, split = stratified_split(data, amount, seed=1)
    assert not digests(rest) & digests(split)
    assert digests(rest) | digests(split) == digests(data)
    expected = round(amount * 20) if isinstance(amount, float) else amount // 3
    assert torch.bincount(split.classes).tolist() == [expected] * 3


def test_a_split_depends_on_content_and_seed_alone(thumbnails):
    data = thumbnails(60)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    found = digests(stratified_split(data, 0.2, seed=1)[1])
    assert digests(stratified_split(data.subset(order), 0.2, seed=1)[1]) == found
    assert digests(stratified_split(data, 0.2, seed=2)[1]) != found


def test_copies_of_an_image_stay_together(thumbnails):
    data = thumbnails(30)
    twice = data.subset(torch.arange(30).repeat(2))
    other_class = replace(twice, classes=torch.cat([data.classes, (data.classes + 1) % 3]))
    for each in (twice, other_class):
        rest, split = stratified_split(each, 0.2, seed=0)
        assert not digests(rest) & digests(split)
        assert len(rest) + len(split) == 60


def test_a_class_keeps_an_image_and_a_limit_is_kept(thumbnails):
    data = thumbnails(60)
    few = data.subset(torch.tensor([0, 1, 2, 3, 4, 6]))  # 3, 2 and 1 of a class
    rest, split = stratified_split(few, 0.9, seed=0)
    assert torch.bincount(rest.classes).tolist() == [1, 1, 1]
    assert len(split) == 3
    assert len(stratified_split(data, 0.5, seed=0, most=9)[1]) == 9


def test_a_number_that_leaves_a_class_without_images_is_refused(thumbnails):
    for amount in (0, 28, 30):
        with pytest.raises(ValueError, match=f'held-out is {amount} images; expected 1 to 27'):
            stratified_split(thumbnails(30), amount, seed=0)


def test_shares_are_proportional():
    assert proportional(10, [10, 20, 70], [9, 19, 69]) == [1, 2, 7]
    assert proportional(2, [5, 5, 5], [4, 4, 4]) == [1, 1, 0]
    assert proportional(9, [2, 2, 20], [1, 1, 19]) == [1, 1, 7]


def test_an_amount_is_a_fraction_or_a_number():
    assert [parse_amount(text) for text in ('0.1', '1', '250', None)] == [0.1, 1, 250, None]
    for text in ('1.0', '0', '-1', 'x', 'nan', 'inf', '0.0', ''):
        with pytest.raises(ValueError, match=r'held-out is .*; expected a fraction above 0'):
            parse_amount(text)
