# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read, schedule and write rosbag2 recordings, without ROS."""
