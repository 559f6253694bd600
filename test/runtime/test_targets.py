# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math

import pytest

from dynofa_ros.runtime import Target, TargetRequest
from dynofa_ros.runtime.ranges import APPLICATIONS_MAX
from dynofa_ros.runtime.targets import TargetBook


@pytest.mark.parametrize('deadline_s', [0.0, -0.1, 1e-320, 3601.0, math.inf])
def test_a_deadline_must_be_possible(deadline_s):
    with pytest.raises(ValueError, match=r'deadline_s is .*expected 1e-06 to 3600'):
        Target(deadline_s=deadline_s)


@pytest.mark.parametrize('deadline_s', [0.0, -0.1, 1e-320, 3601.0, math.nan, math.inf])
def test_a_request_needs_a_deadline(deadline_s):
    with pytest.raises(ValueError, match=r'deadline_s is .*expected 1e-06 to 3600'):
        TargetRequest('camera', deadline_s)


@pytest.mark.parametrize('min_accuracy', [-0.1, 1.1, 75.0])
def test_a_floor_must_be_a_fraction(min_accuracy):
    with pytest.raises(ValueError, match=r'min_accuracy is .*expected 0 to 1'):
        TargetRequest('camera', 0.1, min_accuracy=min_accuracy)


def test_a_target_needs_no_deadline():
    assert math.isnan(Target().deadline_s)


def test_a_request_for_one_application_does_not_change_others():
    book = TargetBook(Target(deadline_s=0.5))
    book.request(TargetRequest('a', 0.1))
    assert (book.target('a').deadline_s, book.target('b').deadline_s) == (0.1, 0.5)


def test_a_request_without_a_floor_keeps_the_floor():
    book = TargetBook(Target())
    book.request(TargetRequest('a', 0.1, min_accuracy=0.7))
    book.request(TargetRequest('a', 0.2))
    assert book.target('a') == Target(deadline_s=0.2, min_accuracy=0.7)


def test_a_request_for_all_applies_to_present_and_later_applications():
    book = TargetBook(Target())
    book.join('present')
    book.request(TargetRequest('', 0.1, min_accuracy=0.7, priority=2))
    book.join('later')
    assert book.target('present') == book.target('later') == Target(0.1, 0.7, 2)


def test_a_request_for_a_later_application_is_kept():
    book = TargetBook(Target())
    book.request(TargetRequest('later', 0.1))
    book.join('later')
    assert book.target('later').deadline_s == 0.1


def test_a_new_default_applies_only_without_a_request():
    book = TargetBook(Target(deadline_s=0.5))
    book.join('other')
    book.request(TargetRequest('requested', 0.1))
    book.set_default(Target(deadline_s=0.3))
    assert (book.target('other').deadline_s, book.target('requested').deadline_s) == (0.3, 0.1)


def test_of_too_many_names_the_oldest_without_an_application_is_forgotten():
    book = TargetBook(Target())
    book.join('camera')
    for name in ('camera', 'oldest', *(f'app{index}' for index in range(APPLICATIONS_MAX))):
        book.request(TargetRequest(name, 0.1))
    assert math.isnan(book.target('oldest').deadline_s)
    assert book.target('camera').deadline_s == book.target('app0').deadline_s == 0.1


def test_an_application_that_leaves_keeps_its_request_only():
    book = TargetBook(Target(deadline_s=0.5))
    for name in ('requested', 'default'):
        book.join(name)
    book.request(TargetRequest('requested', 0.1))
    for name in ('requested', 'default'):
        book.leave(name)
    book.set_default(Target(deadline_s=0.3))
    assert (book.target('requested').deadline_s, book.target('default').deadline_s) == (0.1, 0.3)


@pytest.mark.parametrize('priority', [10**400, -(10**400)])
def test_an_integer_beyond_a_float_is_refused(priority):
    with pytest.raises(ValueError, match=r'deadline_s is -?inf; expected'):
        Target(deadline_s=priority)


def test_the_default_target_has_no_floor_and_priority_0():
    assert (Target().min_accuracy, Target().priority) == (0.0, 0)
    request = TargetRequest('camera', 0.1)
    assert (math.isnan(request.min_accuracy), request.priority) == (True, 0)


@pytest.mark.parametrize('kind', [lambda **each: Target(0.1, **each),
                                  lambda **each: TargetRequest('a', 0.1, **each)])  # fmt: skip
@pytest.mark.parametrize(
    ('field', 'inside', 'outside', 'allowed'),
    [
        ('min_accuracy', (0.0, 1.0), (-0.01, 1.01), '0 to 1'),
        (
            'priority',
            (-(2**31), 2**31 - 1),
            (-(2**31) - 1, 2**31),
            r'-2.14748e\+09 to 2.14748e\+09',
        ),
    ],
)
def test_floor_and_priority_have_a_range(kind, field, inside, outside, allowed):
    for value in inside:
        assert getattr(kind(**{field: value}), field) == value
    for value in outside:
        with pytest.raises(ValueError, match=rf'^{field} is .*; expected {allowed}'):
            kind(**{field: value})


def test_a_target_needs_a_known_floor_but_a_request_does_not():
    with pytest.raises(ValueError, match=r'^min_accuracy is nan; expected 0 to 1$'):
        Target(min_accuracy=math.nan)
    with pytest.raises(ValueError, match=r'^min_accuracy is 2; expected 0 to 1 or NaN$'):
        TargetRequest('camera', 0.1, min_accuracy=2.0)
    with pytest.raises(ValueError, match=r'^deadline_s is 0; expected 1e-06 to 3600 or NaN$'):
        Target(deadline_s=0.0)


def test_the_name_of_a_request_is_printable():
    with pytest.raises(ValueError, match=r'^app is .*; expected at most 256 printable characters'):
        TargetRequest('\n', 0.1)


def test_a_request_for_all_keeps_the_floor_of_each():
    book = TargetBook(Target(min_accuracy=0.2))
    book.request(TargetRequest('a', 0.1, min_accuracy=0.7))
    book.request(TargetRequest('', 0.3, priority=1))
    assert book.target('a') == Target(0.3, 0.7, 1)
    assert book.target('other') == Target(0.3, 0.2, 1)
    book.set_default(Target(deadline_s=0.9))
    assert book.target('other') == Target(0.3, 0.2, 1)


def test_exactly_as_many_names_as_applications_are_remembered():
    book = TargetBook(Target())
    for index in range(APPLICATIONS_MAX):
        book.request(TargetRequest(f'app{index}', 0.1))
    book.request(TargetRequest('app0', 0.2))  # now the newest
    book.request(TargetRequest('new', 0.1))
    assert [book.target(each).deadline_s for each in ('app0', 'app2', 'new')] == [0.2, 0.1, 0.1]
    assert math.isnan(book.target('app1').deadline_s)


def test_an_application_that_joins_again_keeps_its_target():
    book = TargetBook(Target(deadline_s=0.5))
    book.join('a')
    book.request(TargetRequest('a', 0.1))
    book.join('a')
    assert book.target('a').deadline_s == 0.1
    book.leave('never joined')


def test_an_application_that_left_does_not_keep_the_target_of_all():
    book = TargetBook(Target(deadline_s=0.5))
    book.join('a')
    book.leave('a')
    book.set_default(Target(deadline_s=0.3))
    assert book.target('a').deadline_s == 0.3
