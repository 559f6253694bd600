# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The ROS 2 nodes. Only code in this folder imports rclpy."""
