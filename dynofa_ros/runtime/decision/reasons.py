"""Why an application was given its point, in a few words for people."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection

from dynofa_ros.runtime.decision.ranking import Forecast
from dynofa_ros.runtime.decision.state import DEADLINE, MIN_ACCURACY
from dynofa_ros.runtime.objective import Objective

BEST = {
    Objective.MAX_ACCURACY: 'most accurate',
    Objective.MIN_ENERGY: 'least energy',
    Objective.WEIGHTED: 'best weighted',
}


class CapEffect(enum.Enum):
    """What the power cap does to one application."""

    NONE = 'it meets what it would meet without'
    COSTS_TARGET = 'it gives up a target that it would meet without'
    UNMET = 'nothing is within the cap'


def reason(
    forecast: Forecast, *, violated_targets: Collection[str], kept: bool, effect: CapEffect
) -> str:
    """Put the choice into a few words."""
    words = _words(forecast, violated_targets=violated_targets, kept=kept, effect=effect)
    if forecast.policy.power_cap_w == math.inf or forecast.application.profile.energy_known:
        return words
    return f'{words}; its power is unknown, counted as 0 W'


def _words(
    forecast: Forecast, *, violated_targets: Collection[str], kept: bool, effect: CapEffect
) -> str:
    """Say it without regard to what is unknown."""
    target, policy = forecast.application.target, forecast.policy
    cap = f'the power cap of {policy.power_cap_w:.3g} W'
    deadline = 'no deadline'
    if not math.isnan(target.deadline_s):
        deadline = f'{target.deadline_s * 1e3:.4g} ms with {policy.deadline_probability:.4g}'
    if effect is CapEffect.UNMET:
        return f'nothing is within {cap}: least power'
    if DEADLINE in violated_targets:
        if effect is CapEffect.COSTS_TARGET:
            return f'{deadline} given up for {cap}'
        return f'nothing meets {deadline}: fastest'
    if MIN_ACCURACY in violated_targets:
        cause = cap if effect is CapEffect.COSTS_TARGET else deadline
        return f'floor {target.min_accuracy:.3g} given up for {cause}'
    if kept:
        return f'kept: meets {deadline}, no change pays'
    floor = f', floor {target.min_accuracy:.3g}' if target.min_accuracy > 0.0 else ''
    within = '' if policy.power_cap_w == math.inf else f', within {cap}'
    return f'{BEST[policy.objective]} that meets {deadline}{floor}{within}'
