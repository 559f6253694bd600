# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Apply commands within a whitelist, and restore the original settings at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dynofa_ros.platform.checks import PlatformError, check_not_negative
from dynofa_ros.platform.device import CommandResult, DomainSetting
from dynofa_ros.platform.linux.access import explain_not_writable
from dynofa_ros.platform.linux.domain import LinuxDomain
from dynofa_ros.platform.linux.frequency_control import (
    USERSPACE,
    FrequencyControl,
    FrequencySetting,
)
from dynofa_ros.platform.linux.restore import RestoreResult, SavedSettings, restore_saved
from dynofa_ros.platform.linux.set_frequency import (
    FrequencyNotSet,
    read_setting,
    set_frequencies,
    target_setting,
)
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.linux.whitelist import Allowed, allowed_domains, default_whitelist
from dynofa_ros.platform.processor import SAME_FREQUENCY_HZ, FrequencyDomain
from dynofa_ros.platform.settings import Limits, resolve


def rounded(setting: DomainSetting, frequencies_hz: Sequence[float]) -> tuple[DomainSetting, str]:
    """Return the setting with listed frequencies, and a note on what was rounded.

    A frequency and a minimum are rounded up, a maximum down; outside of the list they stay.
    """
    values_hz, notes = {}, []
    for field, round_hz in ROUNDING.items():
        requested_hz = getattr(setting, field)
        values_hz[field] = round_hz(requested_hz, frequencies_hz)
        if abs(values_hz[field] - requested_hz) > SAME_FREQUENCY_HZ:
            notes.append(
                f'requested {requested_hz / 1e6:g}, rounded to {values_hz[field] / 1e6:g} MHz'
            )
    return DomainSetting(setting.domain, **values_hz), ', '.join(notes)


def _up(requested_hz: float, frequencies_hz: Sequence[float]) -> float:
    if math.isnan(requested_hz) or requested_hz < frequencies_hz[0] - SAME_FREQUENCY_HZ:
        return requested_hz
    above = (each for each in frequencies_hz if each >= requested_hz - SAME_FREQUENCY_HZ)
    return next(above, requested_hz)


def _down(requested_hz: float, frequencies_hz: Sequence[float]) -> float:
    if math.isnan(requested_hz) or requested_hz > frequencies_hz[-1] + SAME_FREQUENCY_HZ:
        return requested_hz
    below = (each for each in reversed(frequencies_hz) if each <= requested_hz + SAME_FREQUENCY_HZ)
    return next(below, requested_hz)


ROUNDING = {'frequency_hz': _up, 'min_frequency_hz': _up, 'max_frequency_hz': _down}


class FrequencyController:
    """Sets the frequencies of the whitelisted domains, and restores them.

    Settings that a crashed process left behind are restored at once. While it is open, no other
    process can set the frequencies of the machine.
    """

    def __init__(
        self,
        sysfs: Sysfs,
        domains: Sequence[LinuxDomain],
        *,
        state_file: Path,
        clock: Callable[[], float],
        whitelist: Mapping[str, Allowed] | None = None,
        min_interval_s: float = 0.0,
    ) -> None:
        """Restore leftover settings.

        `whitelist` None: CPU and GPU up to their current limits. `min_interval_s`: between changes.
        Raises PlatformError for a whitelist that does not fit the machine. If the state file cannot
        be used, or another process sets frequencies, no domain is settable; `reason_not_settable`
        states why, and `take_control` tries again.
        """
        check_not_negative('min_interval_s', min_interval_s)
        self._sysfs = sysfs
        self._domains = {domain.name: domain for domain in domains}
        self._clock = clock
        self._min_interval_s = min_interval_s
        self._changed_s = -math.inf
        self._state_file = state_file
        self._saved: SavedSettings | None = None
        self._closed = False
        self.out_of_control = ''
        """Why no frequency can be set by this process; empty: it has control."""
        self._whitelist = whitelist
        self._allowed = self._find_allowed()
        self.restored_at_start = self.take_control()

    def take_control(self) -> RestoreResult:
        """Lock the machine and restore leftover settings; do nothing if it is locked or closed.

        Afterwards `reason_not_settable` states why it could not be done.
        """
        if self._saved is not None or self._closed:
            return RestoreResult()
        try:
            self._saved = SavedSettings(self._state_file, sysfs=self._sysfs)
        except PlatformError as error:
            self.out_of_control = str(error)
            return RestoreResult()
        self.out_of_control = ''
        return self.restore_frequencies()

    def _find_allowed(self) -> dict[str, FrequencyDomain]:
        domains = tuple(self._domains.values())
        whitelist = self._whitelist
        if whitelist is None:
            whitelist = default_whitelist(self._sysfs, domains)
        return allowed_domains(domains, whitelist)

    def frequencies_hz(self, name: str) -> tuple[float, ...]:
        """Return the allowed frequencies of a domain; all of them if it is not whitelisted."""
        if name in self._allowed:
            return self._allowed[name].frequencies_hz
        return self._domains[name].frequencies_hz

    def reason_not_settable(self, name: str) -> str:
        """Return why a domain cannot be set; empty: it can."""
        if name not in self._domains:
            known = ', '.join(sorted(self._domains)) or 'none'
            return f'domain is {name!r}; expected a frequency domain of this machine ({known})'
        if name not in self._allowed:
            return f'domain is {name!r}; expected {", ".join(sorted(self._allowed))}'
        if self.out_of_control:
            return self.out_of_control
        files = self._domains[name].unwritable_files(self._sysfs)
        return explain_not_writable(self._sysfs, files[0]) if files else ''

    @property
    def wait_s(self) -> float:
        """Time until the next change is allowed [s]."""
        return max(0.0, self._changed_s + self._min_interval_s - self._clock())

    def apply(self, settings: Sequence[DomainSetting]) -> CommandResult:
        """Apply all settings or none, verified by reading them back."""
        try:
            targets, text = self._targets(settings)
            changes = {
                control: target
                for control, target in targets.items()
                if read_setting(self._sysfs, control) != target
            }
            if changes:
                self._change(changes)
        except (PlatformError, FrequencyNotSet) as error:
            return CommandResult(applied=False, text=str(error))
        return CommandResult(applied=True, text=text if changes else f'{text} (unchanged)')

    def _targets(
        self, settings: Sequence[DomainSetting]
    ) -> tuple[dict[FrequencyControl, FrequencySetting], str]:
        """Return the setting of each control, and a description of the command."""
        for setting in settings:
            if reason := self.reason_not_settable(setting.domain):
                raise FrequencyNotSet(reason)
        near = [rounded(each, self.frequencies_hz(each.domain)) for each in settings]
        limits = resolve(
            [setting for setting, _ in near],
            domains=self._allowed,
            current={
                each.domain: self._domains[each.domain].limits(self._sysfs) for each in settings
            },
        )
        targets = {
            control: self._target(control, limits[name])
            for name in limits
            for control in self._domains[name].controls
        }
        texts = [_describe(each.domain, limits[each.domain], note) for each, note in near]
        return targets, '; '.join(texts)

    def _target(self, control: FrequencyControl, limits: Limits) -> FrequencySetting:
        now = read_setting(self._sysfs, control)
        original = self._originals().get(control.folder, now)
        governor = _range_governor(control, original.governor)
        return target_setting(control, now, control.reachable(limits), governor=governor)

    def _originals(self) -> dict[str, FrequencySetting]:
        return self._saved.settings if self._saved else {}

    @property
    def changed(self) -> bool:
        """Whether a setting may differ from the original one."""
        return bool(self._originals())

    def _change(self, changes: Mapping[FrequencyControl, FrequencySetting]) -> None:
        """Apply settings; the original ones are saved first, so every change can be restored."""
        if self.wait_s > 0:
            raise FrequencyNotSet(
                f'too soon: frequencies are changed at most every {self._min_interval_s:g} s; '
                f'{self.wait_s:.3f} s to wait'
            )
        self._changed_s = self._clock()
        saved = self._originals()
        new = {
            control.folder: read_setting(self._sysfs, control)
            for control in changes
            if control.folder not in saved
        }
        if new and self._saved:
            self._saved.add(new)
        set_frequencies(self._sysfs, changes)

    def restore_frequencies(self) -> RestoreResult:
        """Restore every setting that was changed. Idempotent."""
        if self._saved is None:
            return RestoreResult()
        controls = [control for domain in self._domains.values() for control in domain.controls]
        result = restore_saved(self._sysfs, self._saved, controls)
        if result.done:
            # A default whitelist ends at the present limits, which may just have been raised.
            self._allowed = self._find_allowed()
        return result

    def close(self) -> None:
        """Release the lock, so that another process can set frequencies; restore them first."""
        if self._saved is not None:
            self._saved.close()
            self._saved = None
        self._closed = True
        self.out_of_control = 'the device is closed'


def _range_governor(control: FrequencyControl, original: str) -> str:
    """Return the governor of a range: the original one, unless it is userspace."""
    if original != USERSPACE:
        return original
    others = (
        each for each in ('schedutil', 'ondemand', 'performance') if each in control.governors
    )
    return next(others, original)


def _describe(name: str, limits: Limits, note: str) -> str:
    lowest, highest = f'{limits.min_hz / 1e6:g}', f'{limits.max_hz / 1e6:g}'
    text = f'{name} at {lowest} MHz' if limits.fixed else f'{name} {lowest} to {highest} MHz'
    return f'{text} ({note})' if note else text
