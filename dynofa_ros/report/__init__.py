# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Plots, tables and text from the figures of runs, searches and calibrations."""
