# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Labelled images: data sets, readers, augmentation and batches."""
