"""The machine itself where it has anything, the simulated platform elsewhere; and it is said."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from boards import CPU, TURNABLE
from fake_kernel import FakeKernel

from dynofa_ros.platform import PlatformError, SimulatedDevice, load_platform
from dynofa_ros.platform.linux import LinuxDevice, Opened, open_device

Board = Callable[[str], FakeKernel]
NX = load_platform('jetson_xavier_nx')


@pytest.fixture
def opener(tmp_path: Path) -> Callable[[FakeKernel, str], Opened]:
    return lambda kernel, choice='auto': open_device(
        NX, choice, sysfs=kernel, clock=lambda: 0.0, record_file=tmp_path / 'clocks.json'
    )


@pytest.mark.parametrize('name', TURNABLE)
def test_auto_is_the_machine_where_there_is_one(
    board: Board, opener: Callable[..., Opened], name: str
) -> None:
    opened = opener(board(name))
    assert isinstance(opened.device, LinuxDevice)
    assert 'clocks that can be turned: cpu' in opened.reason


def test_auto_is_simulated_where_there_is_nothing(
    board: Board, opener: Callable[..., Opened]
) -> None:
    opened = opener(board('container'))
    assert isinstance(opened.device, SimulatedDevice)
    assert opened.reason == (
        'jetson_xavier_nx, simulated: this machine has no clocks and no sensors'
    )


def test_simulated_looks_at_nothing(board: Board, opener: Callable[..., Opened]) -> None:
    opened = opener(board('orin_nano'), 'simulated')
    assert isinstance(opened.device, SimulatedDevice)


def test_linux_without_a_machine_is_refused(board: Board, opener: Callable[..., Opened]) -> None:
    with pytest.raises(PlatformError, match='no clocks and no sensors'):
        opener(board('container'), 'linux')


def test_another_choice_is_refused(board: Board, opener: Callable[..., Opened]) -> None:
    with pytest.raises(PlatformError, match='auto or linux or simulated'):
        opener(board('container'), 'real')


def test_a_machine_without_permission_is_read_only_and_says_which_file(
    board: Board, opener: Callable[..., Opened]
) -> None:
    kernel = board('raspberry_pi_5')
    kernel.answers[f'{CPU}/policy0/scaling_governor'] = errno.EACCES
    opened = opener(kernel)
    assert isinstance(opened.device, LinuxDevice)
    assert f'read only, no clock can be turned: {CPU}/policy0/scaling_governor' in opened.reason
