"""Conversion of messages: the frequency of a platform, profiles there and back."""

import math

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
msg = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from dynofa_ros.nodes.resource_manager.messages import (  # noqa: E402
    platform_from,
    profile_from,
    profile_message,
)
from dynofa_ros.runtime import OperatingPoint, Profile  # noqa: E402


@pytest.mark.parametrize(
    ('frequency_hz', 'limits_hz', 'simulated', 'expected_hz'),
    [
        pytest.param(1.2e9, (1e9, 2e9), False, 2e9, id='a governor goes to the upper limit'),
        pytest.param(1e9, (1e9, 1e9), False, 1e9, id='fixed'),
        pytest.param(0.98e9, (1e9, 1e9), False, 1e9, id='counted by a core'),
        pytest.param(0.8e9, (1e9, 1e9), False, 0.8e9, id='throttled'),
        pytest.param(1.2e9, (1e9, 2e9), True, 1.2e9, id='simulated'),
    ],
)
def test_the_frequency_is_that_at_which_frames_run(frequency_hz, limits_hz, simulated, expected_hz):
    domain = msg.DomainState(
        name='cpu',
        processors=['cpu'],
        frequency_hz=frequency_hz,
        min_frequency_hz=limits_hz[0],
        max_frequency_hz=limits_hz[1],
        available_frequencies_hz=[1e9, 2e9],
    )
    state = msg.PlatformState(platform='board', simulated=simulated, domains=[domain])
    observation = platform_from(state).domains[0]
    assert observation.frequency_hz == expected_hz
    assert observation.frequencies_hz == (1e9, 2e9)


def test_a_profile_survives_the_conversion():
    point = OperatingPoint('s', 'torch', 'gpu', 2, math.nan, 0.04, 0.01, 0.1, 0.75, 3, 4, 'int8')
    profile = Profile('camera', 'supernet', 'board', 'measured', 'modelled', (point,))
    assert profile_from(profile_message(profile)).is_same_as(profile)
