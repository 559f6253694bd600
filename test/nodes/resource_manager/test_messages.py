"""The clock that the manager counts with, of what a platform says."""

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
messages = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from dynofa_ros.nodes.resource_manager.messages import platform_from  # noqa: E402


def clock_hz(frequency_hz, limits_hz, *, simulated=False):
    domain = messages.DomainState(
        name='cpu',
        processors=['cpu'],
        frequency_hz=frequency_hz,
        min_frequency_hz=limits_hz[0],
        max_frequency_hz=limits_hz[1],
        available_frequencies_hz=[1e9, 2e9],
    )
    state = messages.PlatformState(platform='board', simulated=simulated, domains=[domain])
    return platform_from(state).domains[0].frequency_hz


def test_while_a_governor_chooses_frames_run_at_the_upper_limit():
    assert clock_hz(1.2e9, (1e9, 2e9)) == 2e9


def test_a_clock_that_is_set_is_that_clock():
    assert clock_hz(1e9, (1e9, 1e9)) == 1e9


def test_a_clock_that_a_core_counts_is_the_one_that_is_set():
    assert clock_hz(0.98e9, (1e9, 1e9)) == 1e9


def test_a_clock_that_is_held_back_is_told_as_it_is():
    assert clock_hz(0.8e9, (1e9, 1e9)) == 0.8e9


def test_a_simulated_clock_is_told_as_it_is():
    assert clock_hz(1.2e9, (1e9, 2e9), simulated=True) == 1.2e9
