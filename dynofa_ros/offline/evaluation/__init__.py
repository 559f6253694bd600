# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Accuracy of sub-networks on labelled images, and the selection of those worth keeping."""
