# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The reason for each choice, in a few words."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection

from dynofa_ros.runtime.decision.state import (
    DEADLINE,
    MIN_ACCURACY,
    ApplicationState,
    DecisionPolicy,
)
from dynofa_ros.runtime.settings import Objective
from dynofa_ros.runtime.targets import Target

BEST = {
    Objective.MAX_ACCURACY: 'most accurate',
    Objective.MIN_ENERGY: 'least energy',
    Objective.WEIGHTED: 'best weighted',
}


class CapEffect(enum.Enum):
    """Effect of the power cap on one application."""

    NONE = 'the same choice as without the cap'
    LIMITS = 'another point would be better without the cap'
    COSTS_TARGET = 'a target is violated that would be met without the cap'
    UNMET = 'no plan is within the cap'


def reason(
    application: ApplicationState,
    policy: DecisionPolicy,
    *,
    violated_targets: Collection[str],
    kept: bool,
    effect: CapEffect,
    cap_binds: bool,
) -> str:
    """Return the reason for a choice, with a note if a cap binds and its power is unknown.

    A cap is named only where it binds, as what sets it. `cap_binds`: for any application.
    """
    text = _reason(application.target, policy, violated_targets, kept=kept, effect=effect)
    if not cap_binds or application.profile.energy_known:
        return text
    return f'{text}; its power is unknown, counted as 0 W'


def _reason(
    target: Target,
    policy: DecisionPolicy,
    violated_targets: Collection[str],
    *,
    kept: bool,
    effect: CapEffect,
) -> str:
    cap = f'{policy.cap_name} ({policy.power_cap_w:.3g} W for applications)'
    deadline = 'no deadline'
    if not math.isnan(target.deadline_s):
        deadline = f'{target.deadline_s * 1e3:.4g} ms with p = {policy.deadline_probability:.4g}'
    floor = f'floor {target.min_accuracy:.3g}'
    if effect is CapEffect.UNMET:
        return f'no plan is within {cap}: least power'
    if DEADLINE in violated_targets:
        if effect is CapEffect.COSTS_TARGET:
            return f'{deadline} violated for {cap}'
        return f'no point meets {deadline}: fastest'
    if MIN_ACCURACY in violated_targets:
        return f'{floor} violated for {cap if effect is CapEffect.COSTS_TARGET else deadline}'
    if kept:
        return f'kept: meets {deadline}, a switch does not pay'
    floor = f', {floor}' if target.min_accuracy > 0.0 else ''
    within = f', within {cap}' if effect is CapEffect.LIMITS else ''
    return f'{BEST[policy.objective]} that meets {deadline}{floor}{within}'
