# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Fuzzing of every entry through which data comes into the package from outside."""
