# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Training, evaluation, search, profiling and calibration: work before deployment, without ROS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynofa_ros.offline.search.accuracy_predictor import AccuracyPredictor

__all__ = ['AccuracyPredictor']


def __getattr__(name: str) -> Any:
    """Import the predictor on first use, because it imports torch."""
    if name == 'AccuracyPredictor':
        from dynofa_ros.offline.search.accuracy_predictor import AccuracyPredictor

        return AccuracyPredictor
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
