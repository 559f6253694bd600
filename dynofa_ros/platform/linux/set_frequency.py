"""Turn clocks: which files, in which order, and whether it came about.

The kernel refuses a minimum above the maximum, and a GPU that is asked for one may stop at either:
the end that moves away from the other one is always written first.
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

KEPT_IN_HZ = 1e3
"""Linux keeps limits in kHz."""


class FrequencyNotSet(Exception):
    """A clock could not be turned; the text says which file, and the kernel's answer."""


def wanted(
    control: FrequencyControl, now: FrequencySetting, limits: Limits, *, governor: str
) -> FrequencySetting:
    """Return the setting that gives a control its limits.

    One frequency is asked of the governor `userspace` where there is one, and the limits stay, but
    for room for it. Else both limits are that frequency. A range runs under `governor`, the one
    that was found.
    """
    lowest, highest = control.units(limits.min_hz), control.units(limits.max_hz)
    if not (limits.fixed and control.takes_a_speed):
        return FrequencySetting(governor, lowest, highest)
    return FrequencySetting(
        USERSPACE, min(now.lowest, lowest), max(now.highest, highest), speed=lowest
    )


def writes(
    control: FrequencyControl, now: FrequencySetting, target: FrequencySetting
) -> list[tuple[str, str]]:
    """Return the files to write and their values, in order, from one setting to another.

    The minimum is never above the maximum in between. What is as it should be is not written.
    """
    files = control.interface
    limits = [
        (files.lowest, now.lowest, target.lowest),
        (files.highest, now.highest, target.highest),
    ]
    # 0 is a devfreq maximum that nobody set: nothing is above it.
    if now.highest and target.lowest > now.highest:
        limits.reverse()
    steps = [(name, str(value)) for name, before, value in limits if value != before]
    if target.governor != now.governor:
        steps.append((files.governor, target.governor))
    if target.speed is not None and target.speed != now.speed:
        steps.append((files.speed, str(target.speed)))
    return [(control.file(name), value) for name, value in steps]


def set_frequency(sysfs: Sysfs, control: FrequencyControl, target: FrequencySetting) -> None:
    """Set a control and read it back.

    Raises FrequencyNotSet where the kernel refuses, or keeps another value than it took.
    """
    for file, value in writes(control, setting_of(sysfs, control), target):
        _write(sysfs, file, value)
    _verify(control, setting_of(sysfs, control), target)


def set_frequencies(sysfs: Sysfs, targets: Mapping[FrequencyControl, FrequencySetting]) -> None:
    """Set all controls, or none: after a refusal those that were set go back.

    Raises FrequencyNotSet with the reason, and with what could not be put back.
    """
    before: dict[FrequencyControl, FrequencySetting] = {}
    try:
        for control, target in targets.items():
            before[control] = setting_of(sysfs, control)
            set_frequency(sysfs, control, target)
    except FrequencyNotSet as refused:
        texts = [str(refused), *_undo(sysfs, before)]
        raise FrequencyNotSet('; '.join(texts)) from refused


def reason(error: OSError) -> str:
    """Return an error of the kernel in words, with its name."""
    name = os.strerror(error.errno) if error.errno else str(error)
    code = errno.errorcode.get(error.errno or 0, '')
    return f'{name} ({code})' if code else name


def _write(sysfs: Sysfs, file: str, value: str) -> None:
    try:
        sysfs.write(file, value)
    except OSError as error:
        raise FrequencyNotSet(f'{file} refused {value!r}: {reason(error)}') from error


def setting_of(sysfs: Sysfs, control: FrequencyControl) -> FrequencySetting:
    """Read how a control stands; raises FrequencyNotSet where it cannot be read."""
    try:
        return control.setting(sysfs)
    except OSError as error:
        raise FrequencyNotSet(f'{control.folder} cannot be read: {reason(error)}') from error
    except ValueError as error:
        raise FrequencyNotSet(f'{control.folder} holds no setting: {error}') from error


def _verify(control: FrequencyControl, now: FrequencySetting, target: FrequencySetting) -> None:
    """Raise FrequencyNotSet unless the control stands as it should.

    A driver with a range may round by its own step, which is no more than half of ours. Linux keeps
    the limits of devfreq in kHz, though it shows Hz (`drivers/devfreq/devfreq.c`).
    """
    slack = (
        control.units(RANGE_STEP_HZ / 2) if not control.listed_hz else control.units(KEPT_IN_HZ) - 1
    )
    for field in dataclasses.fields(FrequencySetting):
        asked, found = getattr(target, field.name), getattr(now, field.name)
        same = asked == found
        if not same and isinstance(asked, int) and isinstance(found, int):
            same = abs(asked - found) <= slack
        if not same:
            raise FrequencyNotSet(
                f'{control.folder}: {field.name} was set to {asked} and reads back as {found}: the '
                'kernel keeps a limit of its own'
            )


def _undo(sysfs: Sysfs, before: Mapping[FrequencyControl, FrequencySetting]) -> Sequence[str]:
    texts = []
    for control, setting in before.items():
        try:
            set_frequency(sysfs, control, setting)
        except FrequencyNotSet as refused:
            texts.append(f'and not put back: {refused}')
    return texts
