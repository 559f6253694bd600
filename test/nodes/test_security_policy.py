# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The SROS2 policy lists exactly the topics and services that the running nodes use."""

import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from dynofa_ros.nodes.qos import TOPICS

POLICY = Path(__file__).resolve().parents[2] / 'config' / 'sros2' / 'policy.xml'
PATIENCE_S = 15.0  # for the discovery of a node
NODES = {'platform': 'platform', 'resource_manager': 'resource_manager'}
NODES['perception'] = 'perception_front'  # one of any number
QUERIES = {  # of the graph, by attribute of the policy
    'publish': 'get_publisher_names_and_types_by_node',
    'subscribe': 'get_subscriber_names_and_types_by_node',
    'reply': 'get_service_names_and_types_by_node',
    'request': 'get_client_names_and_types_by_node',
}
# Published only where vision_msgs is installed, or on real hardware; received if it is published.
OPTIONAL = {'/vision_classification', '/frame_energy', '/image/compressed'}
SERVED = ('platform', 'resource_manager', 'perception')


def profiles():
    """Return the profiles of the policy by the name of their enclave."""
    enclaves = ElementTree.parse(POLICY).getroot().findall('enclaves/enclave')
    return {enclave.get('path'): enclave.find('profiles/profile') for enclave in enclaves}


def allowed(enclave, attribute):
    """Return the full names that an enclave may use, as SROS2 interprets its rules."""
    profile = profiles()[f'/dynofa/{enclave}']
    names = [
        (each.text or '').strip()
        for group in profile
        if group.get(attribute) == 'ALLOW'
        for each in group
    ]
    own = f'/{profile.get("node")}'
    return {
        each if each[0] == '/' else own + each[1:] if each[0] == '~' else f'/{each}'
        for each in names
    }


def expected(enclave, attribute):
    """Return the names that the node of an enclave should use, including the optional ones."""
    return {each.replace('*', '_front') for each in allowed(enclave, attribute)}


@pytest.fixture(scope='module')
def graph(start_perception, tmp_path_factory):
    """Return a function that queries the ROS graph for the names that a running node uses."""
    robot = start_perception(
        name=NODES['perception'], platform='jetson_xavier_nx', use_sim_time=True
    )
    started = []
    for name, options in {'platform': ['-p', 'device:=simulated'], 'resource_manager': []}.items():
        command = [sys.executable, '-m', f'dynofa_ros.nodes.{name}.node', '--ros-args', *options]
        command += ['-r', f'__ns:={robot.namespace}', '-p', 'use_sim_time:=true']
        # Not in the checkout, where `dynofa_ros` has no messages.
        folder = tmp_path_factory.mktemp(name)
        started.append(subprocess.Popen(command, cwd=folder))
    robot.connect()

    def names(node, attribute):
        found = getattr(robot.node, QUERIES[attribute])(node, robot.namespace)
        return {name.removeprefix(robot.namespace) for name, _ in found}

    def ready():
        seen = {
            name
            for name, space in robot.node.get_node_names_and_namespaces()
            if space == robot.namespace
        }
        return seen >= set(NODES.values())

    robot.wait_for(ready, 'all nodes')

    def settled(node, attribute, wanted):
        """Return the names once they include those wanted, or after a timeout."""
        end_s = time.monotonic() + PATIENCE_S
        while wanted - (found := names(node, attribute)) and time.monotonic() < end_s:
            time.sleep(0.1)
        return found

    yield settled
    for process in started:
        process.terminate()
        process.wait()


@pytest.mark.parametrize('attribute', QUERIES)
@pytest.mark.parametrize('enclave', NODES)
def test_the_policy_matches_the_running_node(graph, enclave, attribute):
    wanted = expected(enclave, attribute)
    found = graph(NODES[enclave], attribute, wanted - OPTIONAL)
    assert found | (OPTIONAL & wanted) == wanted


@pytest.mark.parametrize(
    ('topic', 'enclave'),
    [
        ('/dvfs_command', 'resource_manager'),
        ('/subnet_command', 'resource_manager'),
        ('/manager_state', 'resource_manager'),
        ('/platform_state', 'platform'),
    ],
)
def test_only_one_enclave_may_publish_a_command_or_state(topic, enclave):
    names = [path.rpartition('/')[2] for path in profiles()]
    assert [each for each in names if topic in allowed(each, 'publish')] == [enclave]


def test_no_enclave_may_publish_by_wildcard():
    for path in profiles():
        assert not [
            each for each in allowed(path.rpartition('/')[2], 'publish') if set(each) & set('*?[')
        ]


def test_only_the_operator_may_call_services_and_it_may_call_all():
    offered = {name for enclave in SERVED for name in allowed(enclave, 'reply')}
    assert allowed('operator', 'request') == offered
    assert not [name for enclave in SERVED for name in allowed(enclave, 'request')]


def test_every_topic_of_the_package_is_in_the_policy():
    named = {
        name
        for path in profiles()
        for attribute in ('publish', 'subscribe')
        for name in allowed(path.rpartition('/')[2], attribute)
    }
    assert {each if each[0] == '/' else f'/{each}' for each in TOPICS} <= named


def test_the_policy_has_no_deny_rules():
    """Everything else is denied by default; a DENY rule would hide a missing rule."""
    text = POLICY.read_text(encoding='utf-8')
    assert 'DENY' not in text
