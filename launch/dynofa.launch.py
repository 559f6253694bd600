# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Start the perception, resource manager and platform nodes.

``ros2 launch dynofa_ros dynofa.launch.py image_topic:=/camera/image_raw``
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from dynofa_ros.node_environment import node_environment
from dynofa_ros.share import share_path


def arguments() -> list[DeclareLaunchArgument]:
    """Return the launch arguments; empty ones leave the value of the parameter file."""
    return [
        DeclareLaunchArgument(
            'namespace', default_value='', description='namespace of all nodes and topics'
        ),
        DeclareLaunchArgument(
            'params_file',
            default_value=str(share_path('config/dynofa.yaml')),
            description='YAML file with the parameters of the nodes',
        ),
        DeclareLaunchArgument(
            'image_topic',
            default_value='image',
            description='camera topic; compressed images are on <image_topic>/compressed',
        ),
        DeclareLaunchArgument(
            'platform',
            default_value='',
            description='platform description: a name or a YAML file; empty: as in params_file',
        ),
        DeclareLaunchArgument(
            'device',
            default_value='',
            description='device: auto, linux or simulated; empty: as in params_file',
        ),
        DeclareLaunchArgument(
            'model',
            default_value='',
            description='model: a name or a folder; empty: as in params_file',
        ),
        DeclareLaunchArgument(
            'platform_node',
            default_value='true',
            choices=['true', 'false'],
            description='whether to start the platform node; false if it runs as a service',
        ),
        DeclareLaunchArgument(
            'enclaves',
            default_value='',
            description='SROS2: each node runs in the enclave <enclaves>/<node name>; empty: none',
        ),
        DeclareLaunchArgument(
            'use_sim_time',
            default_value='false',
            choices=['true', 'false'],
            description='whether to use the time of /clock',
        ),
        DeclareLaunchArgument(
            'log_level',
            default_value='info',
            choices=['debug', 'info', 'warn', 'error', 'fatal'],
            description='minimum severity of log messages',
        ),
    ]


def image_environment(context: LaunchContext) -> list[SetEnvironmentVariable]:
    """Return the variables with which DDS delivers camera images; those of the user are kept."""
    added = node_environment(context.environment)
    return [SetEnvironmentVariable(name, value) for name, value in added.items()]


def nodes(context: LaunchContext) -> list[Node]:
    """Return the nodes; non-empty arguments override the parameter file."""
    device = {
        name: value
        for name in ('platform', 'device')
        if (value := LaunchConfiguration(name).perform(context))
    }
    model = LaunchConfiguration('model').perform(context)
    image_topic = LaunchConfiguration('image_topic').perform(context)
    with_model = {'model': model} if model else {}
    enclaves = LaunchConfiguration('enclaves').perform(context)
    found = [
        _node(
            'perception',
            'perception_node',
            {**device, **with_model},
            remappings=[
                ('image', image_topic),
                ('image/compressed', f'{image_topic}/compressed'),
            ],
            enclaves=enclaves,
        ),
        _node('resource_manager', 'resource_manager_node', {}, enclaves=enclaves),
    ]
    if LaunchConfiguration('platform_node').perform(context) == 'true':
        found.append(_node('platform', 'platform_node', device, enclaves=enclaves))
    return found


def _node(
    name: str,
    executable: str,
    parameters: dict[str, str],
    *,
    enclaves: str,
    remappings: list[tuple[str, str]] | None = None,
) -> Node:
    use_sim_time = ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool)
    # Keeps a name such as 10 a string.
    texts = {key: ParameterValue(value, value_type=str) for key, value in parameters.items()}
    return Node(
        package='dynofa_ros',
        executable=executable,
        name=name,
        namespace=LaunchConfiguration('namespace'),
        parameters=[
            LaunchConfiguration('params_file'),
            {'use_sim_time': use_sim_time, **texts},
        ],
        remappings=remappings,
        arguments=[
            '--ros-args',
            *('--log-level', LaunchConfiguration('log_level')),
            *(('--enclave', f'{enclaves}/{name}') if enclaves else ()),
        ],
        output='screen',
    )


def generate_launch_description() -> LaunchDescription:
    """Return the launch description; the group limits the environment to these nodes."""
    return LaunchDescription(
        [
            *arguments(),
            GroupAction(
                [OpaqueFunction(function=image_environment), OpaqueFunction(function=nodes)]
            ),
        ]
    )
