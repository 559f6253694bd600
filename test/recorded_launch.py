# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run a launch file without starting anything: arguments in, processes and environment out.

ROS 2's launch is in no wheel. Stand-ins of the few classes that our launch files use take its
place; they follow launch 3.4: names, defaults, `choices`, and which exceptions end a launch.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

LAUNCH = Path(__file__).resolve().parent.parent / 'launch'


class Context:
    """`launch.LaunchContext`: the values of the arguments, and the environment."""

    def __init__(self, values: dict[str, str], environment: dict[str, str]) -> None:
        self.launch_configurations = dict(values)
        self.environment = dict(environment)
        self.is_shutdown = False


class LaunchConfiguration:
    """The value of an argument."""

    def __init__(self, name: str) -> None:
        self.name = name

    def perform(self, context: Context) -> str:
        return context.launch_configurations[self.name]


class DeclareLaunchArgument:
    """An argument; without a default it has to be given."""

    def __init__(
        self,
        name: str,
        *,
        default_value: str | None = None,
        description: str,
        choices: list[str] | None = None,
    ) -> None:
        self.name, self.default, self.choices = name, default_value, choices

    def execute(self, context: Context) -> None:
        value = context.launch_configurations.setdefault(self.name, self.default)
        if value is None:
            raise RuntimeError(f'Required launch argument "{self.name}" was not provided')
        if self.choices and value not in self.choices:
            raise RuntimeError(f'Argument "{self.name}" provided value "{value}" is not valid')


class OpaqueFunction:
    """Calls a function with the context, and executes what that returns."""

    def __init__(self, *, function: Callable[[Context], Any]) -> None:
        self.function = function

    def execute(self, context: Context) -> Any:
        return self.function(context)


class SetEnvironmentVariable:
    """Sets a variable of the processes that start later in this group."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value

    def execute(self, context: Context) -> None:
        context.environment[self.name] = self.value


class GroupAction(list[Any]):
    """Actions whose environment ends with the group."""


class LaunchDescription(list[Any]):
    """Actions."""


class IncludeLaunchDescription:
    """Another launch file, which shares the values of the arguments."""

    def __init__(self, path: str) -> None:
        self.path = path


class Shutdown:
    """Ends the launch with 0."""

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class Node:
    """A process, as the launch file describes it."""

    def __init__(self, **options: Any) -> None:
        self.options = options


@dataclass
class Launched:
    """What a launch file would start: nodes in order, each with its environment."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)


def load(name: str) -> ModuleType:
    """Return the module of `launch/<name>.launch.py`, which uses the stand-ins."""
    return _load(LAUNCH / f'{name}.launch.py')


def _load(path: Path) -> ModuleType:
    with _stand_ins():
        spec = importlib.util.spec_from_file_location(path.stem.replace('.', '_'), path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Let `launch` and `launch_ros` be the stand-ins, also for `dynofa_ros.launching`."""
    actions = {
        each.__name__: each
        for each in (
            DeclareLaunchArgument,
            GroupAction,
            IncludeLaunchDescription,
            OpaqueFunction,
            SetEnvironmentVariable,
            Shutdown,
        )
    }
    modules = {
        'launch': {'LaunchContext': Context, 'LaunchDescription': LaunchDescription},
        'launch.actions': actions,
        'launch.events': {},
        'launch.events.process': {'ProcessExited': SimpleNamespace},
        'launch.launch_description_sources': {'PythonLaunchDescriptionSource': str},
        'launch.substitutions': {'LaunchConfiguration': LaunchConfiguration},
        'launch_ros': {},
        'launch_ros.actions': {'Node': Node},
        'launch_ros.parameter_descriptions': {
            'ParameterValue': lambda value, *, value_type: value_type(value)
        },
    }
    kept = {name: sys.modules.pop(name, None) for name in (*modules, 'dynofa_ros.launching')}
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name, before in kept.items():
            sys.modules.pop(name, None)
            if before is not None:
                sys.modules[name] = before


def argument_names(name: str) -> set[str]:
    """Return the arguments of a launch file, with those of the files that it includes."""
    names: set[str] = set()

    def visit(action: Any) -> None:
        if isinstance(action, DeclareLaunchArgument):
            names.add(action.name)
        elif isinstance(action, IncludeLaunchDescription):
            visit(_load(Path(action.path)).generate_launch_description())
        elif isinstance(action, list):
            for each in action:
                visit(each)

    visit(load(name).generate_launch_description())
    return names


def run(name: str, *, environment: dict[str, str] | None = None, **values: str) -> Launched:
    """Return what `ros2 launch dynofa_ros <name>.launch.py` would start with these arguments.

    Raises what would end the launch.
    """
    launched = Launched()
    context = Context(values, environment or {})

    def execute(action: Any) -> None:
        if isinstance(action, list):
            before = dict(context.environment)
            for each in action:
                execute(each)
            if isinstance(action, GroupAction):
                context.environment = before
        elif isinstance(action, IncludeLaunchDescription):
            execute(_load(Path(action.path)).generate_launch_description())
        elif isinstance(action, Node):
            executable = action.options['executable']
            launched.nodes[executable] = action.options
            launched.environments[executable] = dict(context.environment)
        elif (made := action.execute(context)) is not None:
            execute(made)

    execute(load(name).generate_launch_description())
    return launched
