import math

import pytest

from dynofa_ros.runtime import Target, TargetRequest
from dynofa_ros.runtime.targets import APPLICATIONS_MAX, TargetBook


@pytest.mark.parametrize('deadline_s', [0.0, -0.1, math.inf])
def test_a_deadline_is_above_zero(deadline_s):
    with pytest.raises(ValueError, match=r'deadline_s is .*expected a finite number above 0'):
        Target(deadline_s=deadline_s)


@pytest.mark.parametrize('deadline_s', [0.0, -0.1, math.nan, math.inf])
def test_a_request_must_state_a_deadline(deadline_s):
    with pytest.raises(ValueError, match=r'deadline_s is .*expected a finite number above 0'):
        TargetRequest('camera', deadline_s)


@pytest.mark.parametrize('min_accuracy', [-0.1, 1.1, 75.0])
def test_a_floor_is_a_fraction(min_accuracy):
    with pytest.raises(ValueError, match=r'min_accuracy is .*expected 0 to 1'):
        TargetRequest('camera', 0.1, min_accuracy=min_accuracy)


def test_a_target_may_lack_a_deadline():
    assert math.isnan(Target().deadline_s)


def test_a_request_for_one_application_leaves_the_others_alone():
    book = TargetBook(Target(deadline_s=0.5))
    book.request(TargetRequest('a', 0.1))
    assert (book.target('a').deadline_s, book.target('b').deadline_s) == (0.1, 0.5)


def test_a_request_without_a_floor_keeps_it():
    book = TargetBook(Target())
    book.request(TargetRequest('a', 0.1, min_accuracy=0.7))
    book.request(TargetRequest('a', 0.2))
    assert book.target('a') == Target(deadline_s=0.2, min_accuracy=0.7)


def test_a_request_for_all_reaches_who_is_here_and_who_joins_later():
    book = TargetBook(Target())
    book.join('here')
    book.request(TargetRequest('', 0.1, min_accuracy=0.7, priority=2))
    book.join('later')
    assert book.target('here') == book.target('later') == Target(0.1, 0.7, 2)


def test_a_request_for_an_application_that_has_not_joined_waits_for_it():
    book = TargetBook(Target())
    book.request(TargetRequest('later', 0.1))
    book.join('later')
    assert book.target('later').deadline_s == 0.1


def test_the_default_changes_only_where_nobody_asked():
    book = TargetBook(Target(deadline_s=0.5))
    book.join('free')
    book.request(TargetRequest('asked', 0.1))
    book.set_default(Target(deadline_s=0.3))
    assert (book.target('free').deadline_s, book.target('asked').deadline_s) == (0.3, 0.1)


def test_wrong_names_do_not_fill_the_memory():
    book = TargetBook(Target())
    for index in range(APPLICATIONS_MAX):
        book.request(TargetRequest(f'app{index}', 0.1))
    with pytest.raises(ValueError, match=r'one_more'):
        book.request(TargetRequest('one_more', 0.1))
