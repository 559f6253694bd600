# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Calibrated scores, and cascades of sub-networks that are worth running."""
