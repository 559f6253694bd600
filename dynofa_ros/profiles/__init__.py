# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Profiles: measured on this machine, stored, scaled in frequency, or modelled."""
