# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Which publisher sent a message, as far as rclpy tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MessageInfo = Mapping[str, Any] | None
"""The `MessageInfo` of rclpy."""


def publisher_gid(info: MessageInfo) -> bytes:
    """Return the identifier of the publisher; empty where it is unknown (Jazzy and before)."""
    gid = (info or {}).get('publisher_gid')
    return bytes(gid['data']) if gid else b''
