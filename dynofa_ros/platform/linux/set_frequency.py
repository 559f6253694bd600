# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Set frequencies: which files are written, in which order, and verification by reading back.

The kernel refuses a minimum above the maximum, so the limit that moves away from the other one is
always written first.
"""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Mapping, Sequence

from dynofa_ros.platform.linux.domain import RANGE_STEP_HZ
from dynofa_ros.platform.linux.frequency_control import (
    USERSPACE,
    FrequencyControl,
    FrequencySetting,
)
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.settings import Limits

KERNEL_RESOLUTION_HZ = 1e3
"""Linux stores limits in kHz, also those of devfreq, which it shows in Hz
(`drivers/devfreq/devfreq.c`)."""


class FrequencyNotSet(Exception):
    """A frequency could not be set; the text names the file and the error of the kernel."""


def target_setting(
    control: FrequencyControl, now: FrequencySetting, limits: Limits, *, governor: str
) -> FrequencySetting:
    """Return the setting that applies limits to a control.

    A fixed frequency is set through the governor `userspace` if there is one, and the limits are
    widened to include it. Otherwise both limits are set to that frequency. A range runs under
    `governor`, the original one.
    """
    lowest, highest = control.units(limits.min_hz), control.units(limits.max_hz)
    if not (limits.fixed and control.has_userspace):
        return FrequencySetting(governor, lowest, highest)
    return FrequencySetting(
        USERSPACE, min(now.lowest, lowest), max(now.highest, highest), speed=lowest
    )


def write_sequence(
    control: FrequencyControl, now: FrequencySetting, target: FrequencySetting
) -> list[tuple[str, str]]:
    """Return the files and values to write, in order, to get from one setting to another.

    The minimum never exceeds the maximum in between. Unchanged values are not written.
    """
    files = control.interface
    limits = [
        (files.lowest, now.lowest, target.lowest),
        (files.highest, now.highest, target.highest),
    ]
    # A devfreq maximum of 0 means that there is no limit.
    if now.highest and target.lowest > now.highest:
        limits.reverse()
    steps = [(name, str(value)) for name, before, value in limits if value != before]
    if target.governor != now.governor:
        steps.append((files.governor, target.governor))
    if target.speed is not None and target.speed != now.speed:
        steps.append((files.speed, str(target.speed)))
    return [(control.file(name), value) for name, value in steps]


def set_frequency(sysfs: Sysfs, control: FrequencyControl, target: FrequencySetting) -> None:
    """Apply a setting and verify it by reading it back.

    Raises FrequencyNotSet if the kernel refuses it, or enforces another value.
    """
    for file, value in write_sequence(control, read_setting(sysfs, control), target):
        try:
            sysfs.write(file, value)
        except OSError as error:
            raise FrequencyNotSet(f'{file} refused {value!r}: {errno_text(error)}') from error
    _verify(control, read_setting(sysfs, control), target)


def set_frequencies(sysfs: Sysfs, targets: Mapping[FrequencyControl, FrequencySetting]) -> None:
    """Apply all settings or none: after an error, those already applied are undone.

    Raises FrequencyNotSet with the reason, and with the settings that could not be undone.
    """
    before: dict[FrequencyControl, FrequencySetting] = {}
    try:
        for control, target in targets.items():
            before[control] = read_setting(sysfs, control)
            set_frequency(sysfs, control, target)
    except FrequencyNotSet as error:
        texts = [str(error), *_undo(sysfs, before)]
        raise FrequencyNotSet('; '.join(texts)) from error


def errno_text(error: OSError) -> str:
    """Return an error of the kernel with its symbol, as in `Invalid argument (EINVAL)`."""
    name = os.strerror(error.errno) if error.errno else str(error)
    code = errno.errorcode.get(error.errno or 0, '')
    return f'{name} ({code})' if code else name


def read_setting(sysfs: Sysfs, control: FrequencyControl) -> FrequencySetting:
    """Return the current setting of a control; raises FrequencyNotSet if it cannot be read."""
    try:
        return control.setting(sysfs)
    except OSError as error:
        raise FrequencyNotSet(f'{control.folder} cannot be read: {errno_text(error)}') from error
    except ValueError as error:
        raise FrequencyNotSet(f'{control.folder} has an invalid setting: {error}') from error


def _verify(control: FrequencyControl, now: FrequencySetting, target: FrequencySetting) -> None:
    """Raise FrequencyNotSet unless a setting was applied.

    A driver that lists no frequencies may round by a step of its own, at most half of ours.
    """
    tolerance = (
        control.units(KERNEL_RESOLUTION_HZ) - 1
        if control.listed_hz
        else control.units(RANGE_STEP_HZ / 2)
    )
    for field in dataclasses.fields(FrequencySetting):
        requested, actual = getattr(target, field.name), getattr(now, field.name)
        same = requested == actual
        if not same and isinstance(requested, int) and isinstance(actual, int):
            same = abs(requested - actual) <= tolerance
        if not same:
            raise FrequencyNotSet(
                f'{control.folder}: {field.name} was set to {requested} and reads back as '
                f'{actual}: the kernel enforces another limit'
            )


def _undo(sysfs: Sysfs, before: Mapping[FrequencyControl, FrequencySetting]) -> Sequence[str]:
    texts = []
    for control, setting in before.items():
        try:
            set_frequency(sysfs, control, setting)
        except FrequencyNotSet as error:
            texts.append(f'and not restored: {error}')
    return texts
