# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Parts of the launch files: arguments as ROS users write them, environment, and a clean end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration

from dynofa_ros.node_environment import node_environment

# As in launch's conditions, but with what `choices` compares literally.
TRUE, FALSE = ('true', 'True', 'TRUE', '1'), ('false', 'False', 'FALSE', '0')


def boolean_argument(name: str, *, default: bool, description: str) -> DeclareLaunchArgument:
    """Return an argument that `boolean` reads."""
    return DeclareLaunchArgument(
        name,
        default_value='true' if default else 'false',
        choices=[*TRUE, *FALSE],
        description=description,
    )


def text(context: LaunchContext, name: str) -> str:
    """Return the value of an argument."""
    return str(LaunchConfiguration(name).perform(context))


def boolean(context: LaunchContext, name: str) -> bool:
    """Return the value of a boolean argument."""
    return text(context, name) in TRUE


def file(context: LaunchContext, name: str) -> str:
    """Return the path of a file that exists; `~` is the home folder.

    Raises ValueError for any other; ROS would only warn, and start the nodes without it.
    """
    path = Path(text(context, name)).expanduser()
    if not path.is_file():
        raise ValueError(f'{name} is {str(path)!r}; expected a file')
    return str(path)


def image_environment(context: LaunchContext) -> list[SetEnvironmentVariable]:
    """Return the variables with which DDS delivers camera images; those of the user are kept."""
    added = node_environment(context.environment)
    return [SetEnvironmentVariable(name, value) for name, value in added.items()]


def end_of_launch(event: ProcessExited, context: LaunchContext) -> list[Any] | None:
    """Return what shuts everything down after a node ended; `on_exit` of every node.

    `ros2 launch` then ends with 1 if the node failed: only an exception of an action does that.
    """
    if context.is_shutdown:  # it was asked to end
        return None
    ended = f'{event.process_name} ended'
    if event.returncode == 0:
        return [Shutdown(reason=ended)]

    def fail(_: LaunchContext) -> None:
        raise RuntimeError(f'{ended} with exit code {event.returncode}; all nodes are shut down')

    return [OpaqueFunction(function=fail)]
