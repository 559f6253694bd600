# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The resource-manager node: commands sub-networks and clocks."""
