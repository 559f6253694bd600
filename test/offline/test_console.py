# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Progress is a bar on a terminal and a line every few seconds elsewhere."""

import io

from rich.console import Console

from dynofa_ros.offline.console import reporting


def lines(times_s, *, text=''):
    out, clock = io.StringIO(), iter(times_s)
    console = Console(file=out)
    with reporting('tried', len(times_s), console=console, clock=lambda: next(clock)) as report:
        for done in range(1, len(times_s) + 1):
            report(done, text)
    return out.getvalue().splitlines()


def test_a_pipe_gets_a_line_every_five_seconds_and_at_the_end():
    assert lines([0, 1, 4.9, 5, 9, 10, 11]) == [
        'tried 1 of 7',
        'tried 4 of 7',
        'tried 6 of 7',
        'tried 7 of 7',
    ]


def test_a_line_ends_with_the_remark():
    assert lines([0], text='loss 1') == ['tried 1 of 1: loss 1']


def test_a_terminal_gets_a_bar():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with reporting('step', 4, done=1, console=console) as report:
        report(2, 'loss 1.234')
    assert '2/4' in out.getvalue()
    assert 'loss 1.234' in out.getvalue()
