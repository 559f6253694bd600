# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The oracle: a policy that knows every image and every disturbance in advance."""
