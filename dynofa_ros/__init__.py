# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Dynamic neural networks with runtime resource management, as a ROS 2 package."""

from pkgutil import extend_path

__version__ = '0.1.0'

# The messages are generated into the colcon workspace. Where Python finds the source checkout
# first (it is the current folder), dynofa_ros.msg is found all the same.
__path__ = extend_path(__path__, __name__)
