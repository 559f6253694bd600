# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Start the perception, resource manager and platform nodes.

``ros2 launch dynofa_ros dynofa.launch.py image_topic:=/camera/image_raw``
"""

from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from dynofa_ros.launching import (
    boolean,
    boolean_argument,
    end_of_launch,
    file,
    image_environment,
    text,
)
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
            description='camera topic; compressed images are on <image_topic>/compressed, or on '
            'image_topic itself if it ends with that',
        ),
        DeclareLaunchArgument(
            'image_transport',
            default_value='',
            choices=['', 'raw', 'compressed', 'auto'],
            description='images to subscribe to: raw, compressed, or auto: what is published, raw '
            'first; empty: as in params_file',
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
        boolean_argument(
            'platform_node',
            default=True,
            description='whether to start the platform node; false if it runs as a service',
        ),
        DeclareLaunchArgument(
            'enclaves',
            default_value='',
            description='SROS2: each node runs in the enclave <enclaves>/<node name>; empty: none',
        ),
        boolean_argument(
            'use_sim_time', default=False, description='whether to use the time of /clock'
        ),
        DeclareLaunchArgument(
            'log_level',
            default_value='info',
            choices=['debug', 'info', 'warn', 'error', 'fatal'],
            description='minimum severity of log messages',
        ),
    ]


def nodes(context: LaunchContext) -> list[Node]:
    """Return the nodes; non-empty arguments override the parameter file."""
    device = {name: value for name in ('platform', 'device') if (value := text(context, name))}
    perception = {
        name: value for name in ('model', 'image_transport') if (value := text(context, name))
    }
    image_topic = text(context, 'image_topic')
    found = [
        _node(
            context,
            'perception',
            {**device, **perception},
            remappings=[
                ('image', image_topic),
                ('image/compressed', f'{image_topic}/compressed'),
            ],
        ),
        _node(context, 'resource_manager', {}),
    ]
    if boolean(context, 'platform_node'):
        found.append(_node(context, 'platform', device))
    return found


def _node(context: LaunchContext, name: str, parameters: dict[str, str], **options: Any) -> Node:
    """Return a node; whatever ends it ends the launch."""
    enclaves = text(context, 'enclaves')
    # Keeps a name such as 10 a string.
    texts = {key: ParameterValue(value, value_type=str) for key, value in parameters.items()}
    return Node(
        package='dynofa_ros',
        executable=f'{name}_node',
        name=name,
        namespace=LaunchConfiguration('namespace'),
        parameters=[
            file(context, 'params_file'),
            {'use_sim_time': boolean(context, 'use_sim_time'), **texts},
        ],
        arguments=[
            '--ros-args',
            *('--log-level', text(context, 'log_level')),
            *(('--enclave', f'{enclaves}/{name}') if enclaves else ()),
        ],
        on_exit=end_of_launch,
        output='screen',
        **options,
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
