# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The joint choice of sub-networks, processors, threads and frequencies: pure functions."""
