"""Train, evaluate, search and profile: what runs before deployment, without ROS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynofa_ros.offline.search.accuracy_predictor import AccuracyPredictor

__all__ = ['AccuracyPredictor']


def __getattr__(name: str) -> Any:
    """Import the predictor when it is asked for: nodes that read a profile need none."""
    if name == 'AccuracyPredictor':
        from dynofa_ros.offline.search.accuracy_predictor import AccuracyPredictor

        return AccuracyPredictor
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
