# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The platform node: sets frequencies and publishes the state of the hardware."""
