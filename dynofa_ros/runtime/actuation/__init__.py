# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Commands from the manager to nodes, and the tracking of their acknowledgements."""
