# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The perception node: classifies camera images with the active sub-network."""
