"""A description is used for the machine that it is of, and for no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_kernel import FakeKernel

from dynofa_ros.platform import load_platform
from dynofa_ros.platform.linux import LinuxMachine, why_it_does_not_fit

Board = Callable[[str], FakeKernel]


def differs(kernel: FakeKernel, platform: str) -> str:
    domains = LinuxMachine.discover(kernel).domains
    return why_it_does_not_fit(load_platform(platform), domains)


@pytest.mark.parametrize(
    ('name', 'platform'),
    [
        ('xavier_nx_jetpack4', 'jetson_xavier_nx'),
        ('xavier_nx_jetpack5', 'jetson_xavier_nx'),
        ('xavier_nx_two_cores', 'jetson_xavier_nx'),
        ('raspberry_pi_5', 'raspberry_pi_5'),
    ],
)
def test_the_board_described_fits(board: Board, name: str, platform: str) -> None:
    assert differs(board(name), platform) == ''


def test_another_highest_clock_does_not(board: Board) -> None:
    assert differs(board('raspberry_pi_5'), 'jetson_xavier_nx') == (
        'jetson_xavier_nx has cpu up to 1907.2 MHz, this machine up to 2400 MHz'
    )


def test_a_clock_that_is_missing_does_not(board: Board) -> None:
    kernel = board('xavier_nx_jetpack5')
    for name in kernel.names('/sys/class/devfreq'):
        (kernel.path(f'/sys/class/devfreq/{name}/available_frequencies')).unlink()
        (kernel.path(f'/sys/class/devfreq/{name}/max_freq')).unlink()
    assert differs(kernel, 'jetson_xavier_nx') == (
        "jetson_xavier_nx has a clock 'gpu', this machine: cpu"
    )
