# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Parameters of the perception node: defaults, descriptions and ranges."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from rclpy.node import Node

from dynofa_ros.engine import AUTO, ENGINES
from dynofa_ros.engine.measure import MIN_ROUNDS
from dynofa_ros.nodes.declare import PLATFORM, declare_parameter
from dynofa_ros.nodes.perception.attention import declare_attention
from dynofa_ros.nodes.perception.compressed_image import MAX_PIXELS
from dynofa_ros.nodes.perception.image_input import AUTO as AUTO_TRANSPORT
from dynofa_ros.nodes.perception.image_input import TRANSPORTS
from dynofa_ros.nodes.perception.worker_types import ARRIVAL, STAMP
from dynofa_ros.platform.linux import CHOICES as DEVICES
from dynofa_ros.platform.linux.confinement import usable_cpus


def _parameter(default: Any, description: str, *, read_only: bool = True, **limits: Any) -> Any:
    """Return a field with the arguments of `declare_parameter` as its metadata."""
    metadata = {'default': default, 'description': description, 'read_only': read_only}
    return field(metadata=metadata | limits)


@dataclass(frozen=True)
class PerceptionParameters:
    """Values of the parameters at start-up; each field is a ROS parameter of the same name."""

    app: str = _parameter('', 'name of this application; empty: the node name')
    model: str = _parameter('ofa_mbv3_cifar10', 'model: a name, or the path of its folder')
    engine: str = _parameter(
        AUTO,
        'engine that runs the sub-networks; auto: the fastest one that works on this machine',
        choices=(AUTO, *ENGINES),
    )
    cache: str = _parameter(
        '', "folder for compiled sub-networks; empty: a folder in the user's cache directory"
    )
    subnet: str = _parameter(
        '',
        'sub-network or cascade to run regardless of the manager; empty: run the commanded one',
        read_only=False,
    )
    platform: str = _parameter(
        PLATFORM,
        'platform description, a name or the path of a YAML file: of the platform to simulate, or '
        'of this machine, to extrapolate measured latency to other frequencies; empty: this '
        'machine at its current frequency',
    )
    device: str = _parameter(
        'auto',
        'linux: measure on this machine; simulated: model latency and energy from the platform '
        'description; auto: linux if this machine has frequency domains or sensors, otherwise '
        'simulated',
        choices=DEVICES,
    )
    sysfs_root: str = _parameter('/', 'folder in which /sys and /proc of the machine are mounted')
    processor: str = _parameter('', 'processor to start on; empty: the first one of the platform')
    threads: int = _parameter(0, 'CPU threads; 0: one per core', low=0, high=1024)
    resident_bytes: int = _parameter(
        10**9,
        'memory budget for compiled sub-networks [bytes], beyond which the least recently used one '
        'is evicted; 0: no limit',
        low=0,
        high=2**40,
    )
    profile: str = _parameter(
        '',
        "JSON file of this machine's profile: loaded if it exists and applies, otherwise measured "
        'and written; empty: measure at every start',
    )
    profile_rounds: int = _parameter(
        15, 'timed runs per sub-network when measuring the profile', low=MIN_ROUNDS, high=1000
    )
    deadline_from: str = _parameter(
        ARRIVAL,
        'what the deadline of an image counts from: its arrival, or its stamp, if the camera and '
        'this machine share a clock',
        choices=(ARRIVAL, STAMP),
    )
    publish_early: bool = _parameter(
        False,
        'publish the answer of a stage of a cascade before the next stage runs, as a '
        'classification that is not final; a frame is in time if it was',
        read_only=False,
    )
    image_transport: str = _parameter(
        AUTO_TRANSPORT,
        'images to subscribe to: raw (image), compressed (image/compressed), or auto: what is '
        'published, raw first; never both at once',
        choices=TRANSPORTS,
    )
    image_reliability: str = _parameter(
        'best_effort',
        'QoS reliability of the image subscriptions',
        choices=('best_effort', 'reliable'),
    )
    max_image_pixels: int = _parameter(
        MAX_PIXELS,
        'largest compressed image that is decoded, width x height as its header states it',
        low=1,
        high=2**30,
    )
    top: int = _parameter(
        5, 'number of classes in a classification, best first', low=1, high=1000, read_only=False
    )
    jitter: float = _parameter(
        0.03, 'jitter of simulated latency, standard deviation / mean', low=0.0, high=1.0
    )
    seed: int = _parameter(0, 'random seed of the simulated jitter', low=0, high=2**31 - 1)


def declare_parameters(node: Node) -> PerceptionParameters:
    """Declare all parameters of the node and return the values of those without a dot.

    An empty `app` becomes the node name, and 0 `threads` the number of usable cores. Raises what
    `declare_parameter` raises.
    """
    values = {
        each.name: declare_parameter(node, each.name, **each.metadata)
        for each in fields(PerceptionParameters)
    }
    declare_attention(node)
    values['app'] = values['app'] or node.get_name()
    values['threads'] = values['threads'] or usable_cpus()
    return PerceptionParameters(**values)
