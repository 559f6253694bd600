# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Policies that can drive a simulation: ours, static networks and published baselines."""
