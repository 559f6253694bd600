# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The demonstration: real photographs through the real nodes, while the conditions change."""
