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
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from dynofa_ros.launching import (
    boolean,
    boolean_argument,
    end_of_launch,
    image_environment,
    text,
)
from dynofa_ros.share import share_path

# Perception compiles and measures its sub-networks first; the launch ends if it fails.
LONGEST_START_S = 600


def arguments() -> list[DeclareLaunchArgument]:
    """Return the arguments in addition to those of dynofa.launch.py."""
    return [
        DeclareLaunchArgument('bag', description='recording: a rosbag2 folder, .mcap or .db3 file'),
        DeclareLaunchArgument('rate', default_value='1.0', description='playback rate, above 0'),
        boolean_argument(
            'loop',
            default=False,
            description='whether to loop; otherwise everything stops after the last message',
        ),
        DeclareLaunchArgument(
            'remap',
            default_value='',
            description='topics to rename, e.g. "/a:=/b /c:=/d"',
        ),
        boolean_argument(
            'use_sim_time',
            default=False,
            description='true: publish bag time on /clock; false: stamp images with current time',
        ),
    ]


def player_arguments(context: LaunchContext) -> list[str]:
    """Return the options of the bag player, which waits for the perception node."""
    topic = text(context, 'image_topic')
    if not topic.startswith('/'):
        topic = '/'.join(('', *filter(None, (text(context, 'namespace').strip('/'), topic))))
    options = ['--rate', text(context, 'rate'), '--wait-for-images', topic]
    options += ['--wait-for-subscribers', str(LONGEST_START_S)]
    options += ['--clock'] if boolean(context, 'use_sim_time') else ['--restamp']
    if boolean(context, 'loop'):
        options.append('--loop')
    if remap := text(context, 'remap'):
        options += ['--remap', *shlex.split(remap)]
    return options


def player(context: LaunchContext) -> list[Node]:
    """Return the bag player, whose end shuts down the launch."""
    return [
        Node(
            package='dynofa_ros',
            executable='bag_player',
            arguments=[text(context, 'bag'), *player_arguments(context)],
            on_exit=end_of_launch,
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
