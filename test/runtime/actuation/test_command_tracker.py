# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math

import pytest

from dynofa_ros.runtime.actuation.command_tracker import (
    SEQUENCE_MAX,
    AckStatus,
    CommandTracker,
    plausible_sequence,
)


def check(tracker: CommandTracker, now_s: float) -> AckStatus:
    return tracker.check(now_s=now_s, timeout_s=1.0)


def test_before_the_first_command_there_is_nothing_to_do():
    assert check(CommandTracker(), 100.0) is AckStatus.DONE


def test_a_command_is_repeated_after_the_timeout():
    tracker = CommandTracker()
    tracker.new(now_s=10.0)
    assert [check(tracker, now_s) for now_s in (10.5, 11.0)] == [
        AckStatus.WAITING,
        AckStatus.REPEAT,
    ]


def test_a_repeated_command_keeps_its_sequence_number():
    tracker = CommandTracker()
    sequence = tracker.new(now_s=0.0)
    tracker.repeat(now_s=1.0)
    assert (tracker.sequence, tracker.attempts) == (sequence, 2)


def test_the_state_of_the_receiver_acknowledges_a_command():
    tracker = CommandTracker()
    tracker.observe(sequence=tracker.new(now_s=0.0), applied=True, matches=True)
    assert tracker.acknowledged
    assert check(tracker, 100.0) is AckStatus.DONE


def test_a_state_from_before_the_command_does_not_acknowledge():
    tracker = CommandTracker()
    first = tracker.new(now_s=0.0)
    tracker.new(now_s=0.1)
    tracker.observe(sequence=first, applied=True, matches=True)
    assert not tracker.acknowledged


def test_applied_without_the_commanded_state_does_not_acknowledge():
    tracker = CommandTracker()
    tracker.observe(sequence=tracker.new(now_s=0.0), applied=True, matches=False)
    assert check(tracker, 1.0) is AckStatus.REPEAT


def test_a_refusal_counts_after_the_timeout():
    tracker = CommandTracker()
    tracker.observe(sequence=tracker.new(now_s=0.0), applied=False, matches=False)
    assert [check(tracker, now_s) for now_s in (0.5, 1.0)] == [AckStatus.WAITING, AckStatus.REFUSED]


def test_a_restarted_receiver_gets_the_command_again():
    tracker = CommandTracker()
    tracker.observe(sequence=tracker.new(now_s=0.0), applied=True, matches=True)
    tracker.observe(sequence=0, applied=False, matches=False)
    assert check(tracker, 5.0) is AckStatus.REPEAT


def test_a_restarted_manager_continues_the_receiver_s_sequence():
    tracker = CommandTracker()
    tracker.observe(sequence=17, applied=True, matches=True)
    assert tracker.new(now_s=0.0) == 18


def test_a_sequence_number_of_an_earlier_manager_is_not_an_acknowledgement():
    tracker = CommandTracker()
    tracker.new(now_s=0.0)
    tracker.observe(sequence=17, applied=True, matches=True)
    assert not tracker.acknowledged
    assert check(tracker, 0.1) is AckStatus.RENEW


def test_an_implausible_sequence_number_is_not_adopted_and_the_command_is_sent_again():
    tracker = CommandTracker()
    sequence = tracker.new(now_s=0.0)
    tracker.observe(sequence=2**64 - 1, applied=True, matches=True)
    assert tracker.sequence == sequence
    assert check(tracker, 1.0) is AckStatus.REPEAT


def test_behind_the_highest_sequence_number_they_begin_anew():
    tracker = CommandTracker()
    tracker.observe(sequence=SEQUENCE_MAX, applied=True, matches=True)
    assert tracker.new(now_s=0.0) == 1


@pytest.mark.parametrize(
    ('sequence', 'plausible'),
    [(0, True), (1, True), (SEQUENCE_MAX, True), (SEQUENCE_MAX + 1, False), (-1, False)],
)
def test_a_sequence_number_is_plausible_up_to_a_maximum(sequence, plausible):
    assert SEQUENCE_MAX == 2**53
    assert plausible_sequence(sequence) == plausible


def test_a_new_tracker_has_sent_nothing():
    tracker = CommandTracker()
    assert (tracker.sequence, tracker.attempts, tracker.sent_s) == (0, 0, -math.inf)
    assert tracker.acknowledged
    tracker.observe(sequence=0, applied=False, matches=False)
    assert check(tracker, 0.0) is AckStatus.DONE


def test_a_new_command_counts_its_attempts_and_time():
    tracker = CommandTracker()
    assert tracker.new(now_s=5.0) == 1
    assert (tracker.attempts, tracker.sent_s, tracker.acknowledged) == (1, 5.0, False)
    tracker.repeat(now_s=7.0)
    tracker.repeat(now_s=8.0)
    assert (tracker.attempts, tracker.sent_s) == (3, 8.0)
    assert check(tracker, 8.9) is AckStatus.WAITING
    assert tracker.new(now_s=9.0) == 2
    assert tracker.attempts == 1


def test_an_acknowledgement_resets_the_attempts():
    tracker = CommandTracker()
    sequence = tracker.new(now_s=0.0)
    tracker.repeat(now_s=1.0)
    tracker.observe(sequence=sequence, applied=False, matches=False)
    assert tracker.attempts == 2
    tracker.observe(sequence=sequence, applied=True, matches=True)
    assert tracker.attempts == 0


def test_a_refusal_that_is_withdrawn_is_none():
    tracker = CommandTracker()
    sequence = tracker.new(now_s=0.0)
    tracker.observe(sequence=sequence, applied=False, matches=True)
    assert not tracker.acknowledged
    assert check(tracker, 2.0) is AckStatus.REFUSED
    tracker.observe(sequence=sequence, applied=True, matches=False)
    assert check(tracker, 2.0) is AckStatus.REPEAT
    tracker.observe(sequence=0, applied=False, matches=False)
    assert check(tracker, 2.0) is AckStatus.REPEAT


def test_a_new_command_forgets_the_refusal_of_the_last_one():
    tracker = CommandTracker()
    tracker.observe(sequence=tracker.new(now_s=0.0), applied=False, matches=False)
    tracker.new(now_s=1.0)
    assert check(tracker, 5.0) is AckStatus.REPEAT


def test_numbers_of_another_manager_are_skipped_by_a_renewed_command():
    tracker = CommandTracker()
    tracker.new(now_s=0.0)
    tracker.observe(sequence=17, applied=True, matches=True)
    tracker.observe(sequence=17, applied=True, matches=True)
    assert check(tracker, 9.0) is AckStatus.RENEW
    assert not tracker.acknowledged
    assert tracker.new(now_s=10.0) == 18
    assert check(tracker, 10.5) is AckStatus.WAITING
    tracker.observe(sequence=18, applied=True, matches=True)
    assert tracker.acknowledged


def test_a_number_from_before_the_first_command_is_continued():
    tracker = CommandTracker()
    tracker.observe(sequence=17, applied=False, matches=False)
    assert tracker.acknowledged
    assert check(tracker, 9.0) is AckStatus.DONE
