# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Camera images get through DDS, and what the user has set is left alone."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from dynofa_ros.node_environment import is_localhost_only, node_environment, segment_bytes

MIB = 2**20
CONFIG = Path(__file__).resolve().parent.parent / 'config'
PROFILES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
LOCALHOST = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}


def profile_name(environment: dict[str, str]) -> str:
    return Path(node_environment(environment)[PROFILES[0]]).name


def addresses(profile: str) -> list[str]:
    root = ElementTree.parse(CONFIG / profile).getroot()
    return [element.text or '' for element in root.iter() if element.tag.endswith('address')]


def test_a_run_on_this_machine_uses_the_loopback_profile() -> None:
    assert profile_name(LOCALHOST) == 'fastdds_localhost.xml'


def test_the_loopback_profile_names_no_other_address() -> None:
    assert addresses('fastdds_localhost.xml') == ['127.0.0.1']


@pytest.mark.parametrize('environment', [{}, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}])
def test_a_robot_on_a_network_uses_the_network_profile(environment: dict[str, str]) -> None:
    assert profile_name(environment) == 'fastdds.xml'


def test_the_network_profile_restricts_no_interface() -> None:
    assert addresses('fastdds.xml') == []


def test_static_peers_are_not_cut_off() -> None:
    assert not is_localhost_only({**LOCALHOST, 'ROS_STATIC_PEERS': '192.0.2.1'})


def test_the_older_name_for_localhost_is_known() -> None:
    assert is_localhost_only({'ROS_LOCALHOST_ONLY': '1'})


def test_jazzy_gets_the_variable_that_its_fast_dds_reads() -> None:
    added = node_environment({'ROS_DISTRO': 'jazzy'})
    assert [name for name in PROFILES if name in added] == ['FASTRTPS_DEFAULT_PROFILES_FILE']


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('FASTDDS_BUILTIN_TRANSPORTS', 'LARGE_DATA'),
        ('FASTDDS_DEFAULT_PROFILES_FILE', '/robot/dds.xml'),
        ('FASTRTPS_DEFAULT_PROFILES_FILE', '/robot/dds.xml'),
        ('ROS2_EASY_MODE', '127.0.0.1'),
        ('RMW_IMPLEMENTATION', 'rmw_cyclonedds_cpp'),
    ],
)
def test_transports_that_the_user_chose_are_left_alone(name: str, value: str) -> None:
    added = node_environment({**LOCALHOST, name: value})
    assert set(added) == {'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'OMP_WAIT_POLICY'}


@pytest.mark.parametrize(
    ('name', 'value'),
    [('MALLOC_TRIM_THRESHOLD_', '1'), ('GLIBC_TUNABLES', 'glibc.malloc.arena_max=1')],
)
def test_an_allocator_that_the_user_set_is_left_alone(name: str, value: str) -> None:
    assert not any(added.startswith('MALLOC') for added in node_environment({name: value}))


@pytest.mark.parametrize('name', ['OMP_WAIT_POLICY', 'GOMP_SPINCOUNT', 'KMP_BLOCKTIME'])
def test_how_threads_wait_is_the_users_choice(name: str) -> None:
    assert node_environment({})['OMP_WAIT_POLICY'] == 'PASSIVE'
    assert 'OMP_WAIT_POLICY' not in node_environment({name: '1'})


def test_what_was_added_adds_nothing_the_second_time() -> None:
    assert node_environment({**LOCALHOST, **node_environment(LOCALHOST)}) == {}


@pytest.mark.parametrize(
    ('shared_memory', 'segment'),
    [(64 * MIB, 8 * MIB), (8 * 1024 * MIB, 64 * MIB), (4 * MIB, 2 * MIB)],
)
def test_a_segment_is_a_share_of_the_shared_memory(shared_memory: int, segment: int) -> None:
    assert segment_bytes(shared_memory) == segment


def test_the_profiles_read_the_segment_size_that_is_set() -> None:
    added = node_environment(LOCALHOST, shared_memory_bytes=64 * MIB)
    assert added['DYNOFA_SHM_SEGMENT_BYTES'] == str(8 * MIB)
    for profile in ('fastdds.xml', 'fastdds_localhost.xml'):
        assert '<segment_size>${DYNOFA_SHM_SEGMENT_BYTES}<' in (CONFIG / profile).read_text()


def test_a_profile_frees_the_memory_of_a_message_with_the_message() -> None:
    """rmw_fastrtps keeps a buffer of the largest message for each place of a queue otherwise."""
    added = node_environment(LOCALHOST)
    assert added['RMW_FASTRTPS_USE_QOS_FROM_XML'] == '1'
    for profile in ('fastdds.xml', 'fastdds_localhost.xml'):
        root = ElementTree.parse(CONFIG / profile).getroot()
        for kind in ('data_writer', 'data_reader'):
            (found,) = (each for each in root.iter() if each.tag.endswith(kind))
            assert found.get('is_default_profile') == 'true'
            text = {each.tag.partition('}')[2]: (each.text or '').strip() for each in found.iter()}
            # Fast DDS would share memory without a transport, which rmw_fastrtps switches off.
            assert (text['historyMemoryPolicy'], text['kind']) == ('DYNAMIC', 'OFF')


def test_a_policy_that_the_user_chose_is_left_alone() -> None:
    variable = 'RMW_FASTRTPS_USE_QOS_FROM_XML'
    assert variable not in node_environment({**LOCALHOST, variable: '0'})
    assert variable not in node_environment({'FASTDDS_DEFAULT_PROFILES_FILE': '/robot/dds.xml'})


def test_a_shell_can_take_it_over() -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in PROFILES and not name.startswith('MALLOC')
    }
    printed = subprocess.run(
        [sys.executable, '-m', 'dynofa_ros.node_environment'],
        cwd=CONFIG.parent,
        env={**environment, **LOCALHOST},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(line.startswith('export ') for line in printed.splitlines())
    assert 'MALLOC_MMAP_THRESHOLD_=536870912' in printed
