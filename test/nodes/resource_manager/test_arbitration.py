# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Of several managers, one commands: which one, and when the next takes over."""

import itertools

import pytest

from dynofa_ros.nodes.resource_manager.arbitration import TAKE_OVER_S, Arbitration, Identity


class Managers:
    """Managers that hear each other every half second."""

    def __init__(self, *identities):
        self.now_s = 100.0
        self.managers = [Arbitration(each, clock=lambda: self.now_s) for each in identities]

    def run(self, *present, seconds=0.5):
        """Let the present ones publish if they command; return the indices of those that do."""
        for _ in range(int(2 * seconds)):
            self.now_s += 0.5
            for sender, receiver in itertools.product(present, present):
                if not self.managers[sender].standby:
                    self.managers[receiver].hear(self.managers[sender].identity)
        return [each for each in present if not self.managers[each].standby]


EARLY, LATE, LATER = Identity(10, 9), Identity(20, 5), Identity(20, 7)


@pytest.mark.parametrize('order', list(itertools.permutations((EARLY, LATE, LATER))))
def test_the_one_that_started_first_commands_whatever_the_order(order):
    managers = Managers(*order)
    assert managers.run(0, 1, 2) == [order.index(EARLY)]


def test_of_two_that_started_together_the_lower_number_commands():
    assert Managers(LATER, LATE).run(0, 1) == [1]


def test_one_alone_commands():
    assert Managers(LATE).run(0) == [0]


def test_the_next_takes_over_once_the_first_is_silent():
    managers = Managers(EARLY, LATE, LATER)
    managers.run(0, 1, 2)
    assert managers.run(1, 2, seconds=TAKE_OVER_S - 0.5) == []
    assert managers.run(1, 2, seconds=1.0) == [1]


def test_one_that_returns_commands_again():
    managers = Managers(EARLY, LATE)
    managers.run(0, 1)
    managers.run(1, seconds=5.0)
    assert managers.run(0, 1) == [0]


def test_the_text_names_the_one_that_commands():
    managers = Managers(Identity(0, 255), Identity(3_500_000_000, 1))
    managers.run(0, 1)
    text = 'manager 00000000000000ff, started 3.5 s earlier'
    assert managers.managers[1].senior == text
