# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Power budget: parameter, battery mission and temperature caps, and the base load."""
