# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The robot of the benchmarks: its environment, and the conversion of reports."""

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.usefixtures('ros')


@pytest.fixture(scope='module')
def robot(load):
    return load('robot')


def test_its_environment_is_local_with_its_own_domain(robot):
    added = robot.environment({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'})
    assert added['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert 1 <= int(added['ROS_DOMAIN_ID']) <= 101
    assert added['FASTDDS_DEFAULT_PROFILES_FILE'].endswith('fastdds_localhost.xml')


def test_existing_variables_are_kept(robot):
    added = robot.environment({'ROS_DOMAIN_ID': '7'})
    assert 'ROS_DOMAIN_ID' not in added
    assert robot.environment({'ROS_DOMAIN_ID': '7', **added}) == {}


def test_the_total_time_of_a_frame_is_from_stamp_to_report(robot):
    names = ('age_s', 'queue_s', 'preprocess_s', 'inference_s', 'postprocess_s')
    report = SimpleNamespace(
        header=SimpleNamespace(
            frame_id='x/3', stamp=SimpleNamespace(sec=1_700_000_000, nanosec=999_000_000)
        ),
        sequence=4,
        subnet_id='a',
        dropped=1,
        refused=0,
        **dict.fromkeys(names, 0.001),
    )
    frame = robot.frame_of(report, published_ns=1_700_000_001_009_000_000)
    assert frame.total_s == pytest.approx(0.010)
    assert frame.publish_s == pytest.approx(0.005)
    assert (frame.frame_id, frame.sequence, frame.dropped) == ('x/3', 4, 1)
