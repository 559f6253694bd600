# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Training of a supernet, from the configuration of a run to the exported model."""
