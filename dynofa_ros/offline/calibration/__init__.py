# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Platform descriptions fitted to measurements: latency and power against frequency."""
