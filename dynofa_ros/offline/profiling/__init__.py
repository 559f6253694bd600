# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Latency and energy of sub-networks, measured on this machine."""
