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


def test_the_newest_frame_wins_and_the_others_are_counted(mailbox):
    for frame in 'abc':
        mailbox.put_frame(frame)
    assert mailbox.take() == MailboxItem((), 'c', 2)


def test_dropped_frames_are_counted_since_the_frame_before(mailbox):
    for frame in 'abc':
        mailbox.put_frame(frame)
    mailbox.take()
    mailbox.put_frame('d')
    assert mailbox.take() == MailboxItem((), 'd', 0)


def test_commands_come_all_and_in_order(mailbox):
    for command in 'xyz':
        mailbox.put_command(command)
    assert mailbox.take() == MailboxItem(('x', 'y', 'z'), None, 0)


def test_a_command_does_not_lose_a_frame_count(mailbox):
    mailbox.put_frame('a')
    mailbox.put_frame('b')
    mailbox.put_command('x')
    assert mailbox.take().dropped == 1


def test_a_frame_may_be_anything_but_none(mailbox):
    mailbox.put_frame(0)
    assert mailbox.take().frame == 0


def test_once_closed_there_is_nothing_to_take(mailbox):
    mailbox.put_frame('a')
    mailbox.close()
    assert mailbox.take() is None


@pytest.mark.parametrize('wake', ['frame', 'command', 'close'])
def test_who_waits_is_woken(mailbox, wake):
    taken = []
    thread = threading.Thread(target=lambda: taken.append(mailbox.take()), daemon=True)
    thread.start()
    {
        'frame': lambda: mailbox.put_frame('a'),
        'command': lambda: mailbox.put_command('x'),
        'close': mailbox.close,
    }[wake]()
    thread.join(timeout=30)
    assert taken == [
        {'frame': MailboxItem((), 'a', 0), 'command': MailboxItem(('x',), None, 0), 'close': None}[
            wake
        ]
    ]


def test_no_frame_is_lost_or_counted_twice_between_two_threads(mailbox):
    sent, seen, dropped = 2000, [], 0

    def camera():
        for frame in range(sent):
            mailbox.put_frame(frame)

    thread = threading.Thread(target=camera)
    thread.start()
    while not seen or seen[-1] != sent - 1:
        delivery = mailbox.take()
        seen.append(delivery.frame)
        dropped += delivery.dropped
    thread.join()
    assert seen == sorted(set(seen))
    assert len(seen) + dropped == sent
