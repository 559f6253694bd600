# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Search for the sub-networks on the Pareto front of accuracy and latency."""
