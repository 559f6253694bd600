"""Obey commands within a whitelist, and leave the clocks as they were found."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dynofa_ros.platform.checks import PlatformError, check_not_negative
from dynofa_ros.platform.device import CommandResult, DomainSetting
from dynofa_ros.platform.linux.access import FileAccess
from dynofa_ros.platform.linux.domain import ClockDomain, limits_now, not_writable
from dynofa_ros.platform.linux.frequency_control import (
    USERSPACE,
    FrequencyControl,
    FrequencySetting,
)
from dynofa_ros.platform.linux.record import ClockRecord
from dynofa_ros.platform.linux.restore import RestoreResult, restore_record
from dynofa_ros.platform.linux.set_frequency import (
    FrequencyNotSet,
    set_frequencies,
    setting_of,
    wanted,
)
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.linux.whitelist import Allowed, allowed_domains, found_whitelist
from dynofa_ros.platform.settings import Limits, resolve

SAME_HZ = 1.0
"""Frequencies this close are one: a list of kHz and a figure of Hz differ by the last digit."""


def rounded(setting: DomainSetting, frequencies_hz: Sequence[float]) -> tuple[DomainSetting, str]:
    """Return the setting in frequencies of the list, and what was rounded in words."""
    near = dataclasses.replace(
        setting,
        frequency_hz=_up(setting.frequency_hz, frequencies_hz),
        min_frequency_hz=_up(setting.min_frequency_hz, frequencies_hz),
        max_frequency_hz=_down(setting.max_frequency_hz, frequencies_hz),
    )
    pairs = [
        (setting.frequency_hz, near.frequency_hz),
        (setting.min_frequency_hz, near.min_frequency_hz),
        (setting.max_frequency_hz, near.max_frequency_hz),
    ]
    texts = [
        f'asked {asked / 1e6:g}, rounded to {value / 1e6:g} MHz'
        for asked, value in pairs
        if abs(value - asked) > SAME_HZ
    ]
    return near, ', '.join(texts)


def _up(asked_hz: float, frequencies_hz: Sequence[float]) -> float:
    if math.isnan(asked_hz) or asked_hz < frequencies_hz[0] - SAME_HZ:
        return asked_hz
    above = (each for each in frequencies_hz if each >= asked_hz - SAME_HZ)
    return next(above, asked_hz)


def _down(asked_hz: float, frequencies_hz: Sequence[float]) -> float:
    if math.isnan(asked_hz) or asked_hz > frequencies_hz[-1] + SAME_HZ:
        return asked_hz
    below = (each for each in reversed(frequencies_hz) if each <= asked_hz + SAME_HZ)
    return next(below, asked_hz)


class FrequencyController:
    """Turns the clocks of the domains that it is allowed to, and puts them back.

    What a process that died has left turned is put back at once. While it is open no other
    process turns clocks with the same state file.
    """

    def __init__(
        self,
        sysfs: Sysfs,
        domains: Sequence[ClockDomain],
        *,
        record_file: Path,
        clock: Callable[[], float],
        whitelist: Mapping[str, Allowed] | None = None,
        min_interval_s: float = 0.0,
    ) -> None:
        """`whitelist` None: CPU and GPU up to the limit found; `min_interval_s`: between changes.

        Raises PlatformError for a whitelist that does not fit the machine. A state file that cannot
        be kept is no error: nothing can be turned then, and `refused` says why.
        """
        check_not_negative('min_interval_s', min_interval_s)
        self._sysfs = sysfs
        self._domains = {domain.name: domain for domain in domains}
        self._clock = clock
        self._min_interval_s = min_interval_s
        self._turned_s = -math.inf
        self._record: ClockRecord | None = None
        self.refused = ''
        self.left_by_another = RestoreResult()
        try:
            self._open(record_file)
        except PlatformError as error:
            self.close()
            self.refused = str(error)
        if whitelist is None:
            highest_hz = {each.name: limits_now(sysfs, each).max_hz for each in domains}
            whitelist = found_whitelist(domains, highest_hz)
        self._allowed = allowed_domains(domains, whitelist)

    def _open(self, record_file: Path) -> None:
        self._record = ClockRecord(record_file, sysfs=self._sysfs)
        self.left_by_another = restore_record(self._sysfs, self._record, self._knobs())

    def _knobs(self) -> tuple[FrequencyControl, ...]:
        return tuple(control for domain in self._domains.values() for control in domain.controls)

    def frequencies_hz(self, name: str) -> tuple[float, ...]:
        """Return what a domain can be asked for; all that it has where it cannot be turned."""
        if name in self._allowed:
            return self._allowed[name].frequencies_hz
        return self._domains[name].frequencies_hz

    def why_not(self, name: str) -> str:
        """Return why a domain cannot be turned; empty: it can."""
        if name not in self._domains:
            known = ', '.join(sorted(self._domains)) or 'none'
            return f'domain is {name!r}; expected a clock of this machine ({known})'
        if name not in self._allowed:
            return f'domain is {name!r}; expected {", ".join(sorted(self._allowed))}'
        if self.refused:
            return self.refused
        files = not_writable(self._sysfs, self._domains[name])
        return FileAccess.of(self._sysfs, files[0]).to_write if files else ''

    @property
    def wait_s(self) -> float:
        """Time until a clock may be turned again [s]; 0: now."""
        return max(0.0, self._turned_s + self._min_interval_s - self._clock())

    def apply(self, settings: Sequence[DomainSetting]) -> CommandResult:
        """Set clocks, all that is asked or nothing, read back and verified."""
        try:
            targets, text = self._targets(settings)
            changes = {
                control: target
                for control, target in targets.items()
                if setting_of(self._sysfs, control) != target
            }
            if changes:
                self._change(changes)
        except (PlatformError, FrequencyNotSet) as error:
            return CommandResult(applied=False, text=str(error))
        return CommandResult(applied=True, text=text if changes else f'{text} (as it was)')

    def _targets(
        self, settings: Sequence[DomainSetting]
    ) -> tuple[dict[FrequencyControl, FrequencySetting], str]:
        """Return how each control is to stand, and the command in words."""
        for setting in settings:
            if why_not := self.why_not(setting.domain):
                raise FrequencyNotSet(why_not)
        near = {each.domain: rounded(each, self.frequencies_hz(each.domain)) for each in settings}
        limits = resolve(
            [rounded(each, self.frequencies_hz(each.domain))[0] for each in settings],
            domains=self._allowed,
            current={name: limits_now(self._sysfs, self._domains[name]) for name in near},
        )
        targets = {
            control: self._target(control, limits[name])
            for name in limits
            for control in self._domains[name].controls
        }
        return targets, '; '.join(_in_words(name, limits[name], near[name][1]) for name in near)

    def _target(self, control: FrequencyControl, limits: Limits) -> FrequencySetting:
        now = setting_of(self._sysfs, control)
        found = self._found().get(control.folder, now)
        return wanted(control, now, limits, governor=_governor(control, found.governor))

    def _found(self) -> dict[str, FrequencySetting]:
        return self._record.read() if self._record else {}

    def _change(self, changes: Mapping[FrequencyControl, FrequencySetting]) -> None:
        """Turn controls; the record comes first, so nothing is turned that it does not hold."""
        if self.wait_s > 0:
            raise FrequencyNotSet(
                f'too soon: clocks are turned every {self._min_interval_s:g} s at most; '
                f'{self.wait_s:.3f} s to wait'
            )
        self._turned_s = self._clock()
        found = self._found()
        new = {
            control.folder: setting_of(self._sysfs, control)
            for control in changes
            if control.folder not in found
        }
        if new and self._record:
            self._record.write(found | new)
        set_frequencies(self._sysfs, changes)

    def restore_frequencies(self) -> RestoreResult:
        """Put every clock that was turned back to how it was found; again is no harm.

        Raises PlatformError if the state file cannot be read or written.
        """
        if self._record is None:
            return RestoreResult()
        return restore_record(self._sysfs, self._record, self._knobs())

    def close(self) -> None:
        """Let another process turn the clocks; put them back first."""
        if self._record is not None:
            self._record.close()
            self._record = None
        self.refused = 'the device is closed'


def _governor(control: FrequencyControl, found: str) -> str:
    """Return the governor of a range: that which was found, if it chooses clocks by itself."""
    if found != USERSPACE:
        return found
    others = (
        each for each in ('schedutil', 'ondemand', 'performance') if each in control.governors
    )
    return next(others, found)


def _in_words(name: str, limits: Limits, note: str) -> str:
    lowest, highest = f'{limits.min_hz / 1e6:g}', f'{limits.max_hz / 1e6:g}'
    text = f'{name} at {lowest} MHz' if limits.fixed else f'{name} {lowest} to {highest} MHz'
    return f'{text} ({note})' if note else text
