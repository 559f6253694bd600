# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Start dynofa.launch.py with the bag player as its camera.

``ros2 launch dynofa_ros replay.launch.py bag:=drive.mcap image_topic:=/camera/image_raw``
"""

import shlex

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from dynofa_ros.node_environment import node_environment
from dynofa_ros.share import share_path


def arguments() -> list[DeclareLaunchArgument]:
    """Return the arguments in addition to those of dynofa.launch.py."""
    return [
        DeclareLaunchArgument('bag', description='recording: a rosbag2 folder, .mcap or .db3 file'),
        DeclareLaunchArgument('rate', default_value='1.0', description='playback rate, above 0'),
        DeclareLaunchArgument(
            'loop',
            default_value='false',
            choices=['true', 'false'],
            description='whether to loop; otherwise everything stops after the last message',
        ),
        DeclareLaunchArgument(
            'remap',
            default_value='',
            description='topics to rename, e.g. "/a:=/b /c:=/d"',
        ),
        DeclareLaunchArgument(
            'use_sim_time',
            default_value='false',
            choices=['true', 'false'],
            description='true: publish bag time on /clock; false: stamp images with current time',
        ),
    ]


def image_environment(context: LaunchContext) -> list[SetEnvironmentVariable]:
    """Return the variables with which DDS delivers camera images; those of the user are kept."""
    added = node_environment(context.environment)
    return [SetEnvironmentVariable(name, value) for name, value in added.items()]


def player_arguments(*, rate: str, loop: bool, use_sim_time: bool, remap: str) -> list[str]:
    """Return the options of the bag player, which waits up to 60 s for the perception node."""
    options = ['--rate', rate, '--wait-for-subscribers', '60']
    options += ['--clock'] if use_sim_time else ['--restamp']
    if loop:
        options.append('--loop')
    if remap:
        options += ['--remap', *shlex.split(remap)]
    return options


def player(context: LaunchContext) -> list[Node]:
    """Return the bag player, whose end shuts down the launch."""

    def value(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    options = player_arguments(
        rate=value('rate'),
        loop=value('loop') == 'true',
        use_sim_time=value('use_sim_time') == 'true',
        remap=value('remap'),
    )
    return [
        Node(
            package='dynofa_ros',
            executable='bag_player',
            arguments=[value('bag'), *options],
            on_exit=Shutdown(reason='the bag player ended'),
            output='screen',
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    dynofa = PythonLaunchDescriptionSource(str(share_path('launch/dynofa.launch.py')))
    return LaunchDescription(
        [
            *arguments(),
            IncludeLaunchDescription(dynofa),
            GroupAction(
                [OpaqueFunction(function=image_environment), OpaqueFunction(function=player)]
            ),
        ]
    )
