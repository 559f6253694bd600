# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The bag player: publishes the messages of a rosbag2 recording."""
