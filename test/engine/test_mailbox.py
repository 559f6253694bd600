# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from dynofa_ros.engine import Mailbox, MailboxItem


@pytest.fixture
def mailbox():
    return Mailbox()


def test_a_frame_is_delivered_once(mailbox):
    mailbox.put_frame('a')
    mailbox.put_command('x')
    assert mailbox.take() == MailboxItem(('x',), 'a', 0)
    mailbox.put_command('y')
    assert mailbox.take().frame is None


def test_the_newest_frame_replaces_older_ones_which_are_counted_as_dropped(mailbox):
    for frame in 'abc':
        mailbox.put_frame(frame)
    assert mailbox.take() == MailboxItem((), 'c', 2)


def test_dropped_frames_are_counted_since_the_previous_frame(mailbox):
    for frame in 'abc':
        mailbox.put_frame(frame)
    mailbox.take()
    mailbox.put_frame('d')
    assert mailbox.take() == MailboxItem((), 'd', 0)


def test_all_commands_are_delivered_in_order(mailbox):
    for command in 'xyz':
        mailbox.put_command(command)
    assert mailbox.take() == MailboxItem(('x', 'y', 'z'), None, 0)


def test_a_command_does_not_reset_the_count_of_dropped_frames(mailbox):
    mailbox.put_frame('a')
    mailbox.put_frame('b')
    mailbox.put_command('x')
    assert mailbox.take().dropped == 1


def test_a_falsy_frame_is_delivered(mailbox):
    mailbox.put_frame(0)
    assert mailbox.take().frame == 0


def test_take_returns_none_once_closed(mailbox):
    mailbox.put_frame('a')
    mailbox.close()
    assert mailbox.take() is None


@pytest.mark.parametrize(
    ('wake', 'expected'),
    [
        (lambda mailbox: mailbox.put_frame('a'), MailboxItem((), 'a', 0)),
        (lambda mailbox: mailbox.put_command('x'), MailboxItem(('x',), None, 0)),
        (lambda mailbox: mailbox.close(), None),
    ],
    ids=['frame', 'command', 'close'],
)
def test_a_waiting_thread_is_woken(mailbox, wake, expected):
    taken = []
    thread = threading.Thread(target=lambda: taken.append(mailbox.take()), daemon=True)
    thread.start()
    wake(mailbox)
    thread.join(timeout=30)
    assert taken == [expected]


def test_every_frame_is_either_delivered_or_counted_as_dropped(mailbox):
    sent, seen, dropped = 2000, [], 0

    def camera():
        for frame in range(sent):
            mailbox.put_frame(frame)

    thread = threading.Thread(target=camera)
    thread.start()
    while not seen or seen[-1] != sent - 1:
        item = mailbox.take()
        seen.append(item.frame)
        dropped += item.dropped
    thread.join()
    assert seen == sorted(set(seen))
    assert len(seen) + dropped == sent
