# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frequency at which frames are measured, on CPUs with different cores."""

from dataclasses import replace

import boards
import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')

from dynofa_ros.nodes.perception import device as perception_device
from dynofa_ros.nodes.perception.device import PerceptionDevice
from dynofa_ros.platform import FrequencyDomain, load_platform


@pytest.fixture
def kernel(tmp_path):
    kernel = boards.base(tmp_path / 'root')
    for first, khz in ((0, (500000, 1500000)), (4, (500000, 2000000))):
        boards.policy(
            kernel, (first, first + 1), khz, driver='x', governors='schedutil', governor='schedutil'
        )
    return kernel


def test_cpu_is_measured_at_the_frequency_of_the_fastest_cores(kernel, monkeypatch):
    like = load_platform('raspberry_pi_5')
    described = replace(
        like,
        domains={'cpu4': FrequencyDomain('cpu4', (1.5e9, 2e9), change_delay_s=0.0)},
        processors={'cpu': replace(like.processors['cpu'], domain='cpu4')},
        thermal_zones={},
    )
    monkeypatch.setattr(perception_device, 'load_platform', lambda name: described)
    found = PerceptionDevice.find(platform='board', device='linux', sysfs=kernel, warn=pytest.fail)
    assert found.busy_clocks_hz['cpu'] == 2e9
    assert found.busy_clocks_hz['cpu0'] == 1.5e9
