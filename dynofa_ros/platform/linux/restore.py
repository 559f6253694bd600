# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Saved frequency settings, and how they are restored.

The settings of a clock are on disk before it is changed for the first time, so they can be restored
after a crash or `kill -9`, by the next start or by hand.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dynofa_ros.atomic_file import check_writable, sync_folder, write_text
from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.linux.frequency_control import (
    FrequencyControl,
    FrequencySetting,
    find_controls,
)
from dynofa_ros.platform.linux.machine_lock import MachineLock
from dynofa_ros.platform.linux.set_frequency import FrequencyNotSet, read_setting, set_frequency
from dynofa_ros.platform.linux.sysfs import Sysfs

NAME = 'clocks_found.json'
BOOT = '/proc/sys/kernel/random/boot_id'
SYSTEM = Path('/var/lib/dynofa')
SAVED = 'saved frequency settings; check the frequencies by hand, then delete the file'
MAX_BYTES = 1 << 20
"""A file of this package has less than 200 bytes per control."""
MAX_UNITS = 1 << 53
"""Frequencies up to here are exact as floating-point numbers, in Hz or kHz."""


def default_state_file(
    environment: Mapping[str, str] = os.environ, *, system: Path = SYSTEM
) -> Path:
    """Return the default path of the saved settings.

    In this order: the state directory of the systemd service; `/var/lib/dynofa` where this process
    can write it, or where it already holds settings, which must be restored first; the state
    directory of the user.
    """
    service = environment.get('STATE_DIRECTORY', '').partition(':')[0]
    if service:
        return Path(service) / NAME
    place = system if os.access(system, os.F_OK) else system.parent
    if os.access(place, os.W_OK) or os.access(system / NAME, os.F_OK):
        return system / NAME
    state = environment.get('XDG_STATE_HOME')
    return (Path(state) if state else Path.home() / '.local/state') / 'dynofa' / NAME


class SavedSettings:
    """The original settings by control folder: in memory, and in a file for the next process.

    While it is open no other process can set frequencies. The file is read only once: if it is
    damaged or removed later, memory still has the settings, and the next write replaces it.
    """

    def __init__(self, file: Path, *, sysfs: Sysfs) -> None:
        """Lock the machine, and read the settings that a crashed process left.

        Raises PlatformError if another process holds the lock, the file cannot be read or holds
        something else, or its folder cannot be written.
        """
        self.file = file
        self._boot = sysfs.text(BOOT)
        self._lock = MachineLock(sysfs)
        try:
            _check_folder(file)
            self.settings = _read(file, boot=self._boot)
        except PlatformError:
            self.close()
            raise

    def add(self, settings: Mapping[str, FrequencySetting]) -> None:
        """Save settings, which are on disk when this returns.

        Raises PlatformError if they cannot be written; they are not saved then.
        """
        merged = self.settings | dict(settings)
        self._write(merged)
        self.settings = merged

    def keep(self, folders: Collection[str]) -> None:
        """Forget all settings but those of some controls; without any, delete the file.

        Raises PlatformError if the file cannot be written; the settings are forgotten even so.
        """
        self.settings = {name: each for name, each in self.settings.items() if name in folders}
        self._write(self.settings)

    def _write(self, settings: Mapping[str, FrequencySetting]) -> None:
        document = {
            'boot_id': self._boot,
            'settings': {folder: dataclasses.asdict(each) for folder, each in settings.items()},
        }
        try:
            if settings:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                write_text(self.file, json.dumps(document, indent=1))
            elif os.path.lexists(self.file):
                self.file.unlink()
                sync_folder(self.file.parent)
        except (OSError, ValueError) as error:
            reason = getattr(error.__cause__ or error, 'strerror', None) or error
            raise _unusable(self.file, f'a writable file: {reason}') from error

    def close(self) -> None:
        """Release the lock."""
        self._lock.release()


def _check_folder(file: Path) -> None:
    """Create the folder of the state file; raises PlatformError if it cannot be written."""
    try:
        check_writable(file)
    except ValueError as error:
        reason = getattr(error.__cause__, 'strerror', None) or error
        raise _unusable(file, f'a writable file: {reason}') from error


def _read(file: Path, *, boot: str) -> dict[str, FrequencySetting]:
    """Return the settings in a file; none after a reboot, which resets all frequencies.

    Raises PlatformError if the file cannot be read, or holds something else.
    """
    try:
        if not os.path.lexists(file):
            return {}
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            raise _unusable(file, SAVED)
        content = file.read_bytes()
    except OSError as error:
        raise _unusable(file, f'a readable file: {error.strerror}') from error
    try:
        document = json.loads(content.decode('utf-8'))
        saved = {folder: _setting(fields) for folder, fields in document['settings'].items()}
        return saved if document['boot_id'] == boot else {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unusable(file, SAVED) from error


def _setting(fields: Mapping[str, object]) -> FrequencySetting:
    """Return a setting of the file; raises TypeError for invalid values."""
    setting = FrequencySetting(**fields)  # type: ignore[arg-type]
    numbers = [setting.lowest, setting.highest, 0 if setting.speed is None else setting.speed]
    whole = all(type(each) is int and 0 <= each < MAX_UNITS for each in numbers)
    if not isinstance(setting.governor, str) or not whole:
        raise TypeError(f'setting is {fields}; expected a governor and frequencies')
    return setting


def _unusable(file: Path, expected: str) -> PlatformError:
    return PlatformError(field='state file', value=str(file), expected=expected)


@dataclass(frozen=True)
class RestoreResult:
    """The settings that were restored, and those that were not, one line each."""

    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.done and not self.failed:
            return 'no frequency was changed: nothing to restore'
        lines = [f'restored: {each}' for each in self.done]
        return '\n'.join([*lines, *(f'NOT restored: {each}' for each in self.failed)])


def restore_frequencies(sysfs: Sysfs, file: Path) -> RestoreResult:
    """Restore the settings that a crashed process left in its state file.

    Raises PlatformError if the file cannot be used, or its process is still running.
    """
    with closing(SavedSettings(file, sysfs=sysfs)) as saved:
        return restore_saved(sysfs, saved, find_controls(sysfs))


def restore_saved(
    sysfs: Sysfs, saved: SavedSettings, controls: Sequence[FrequencyControl]
) -> RestoreResult:
    """Restore every saved setting; those that fail stay saved for the next attempt. Idempotent.

    Only `controls` are written, whatever the file names. A state file that cannot be written is a
    failure too: the next start would restore settings that somebody may have changed since.
    """
    by_folder = {control.folder: control for control in controls}
    done, failed, remaining = [], [], []
    for folder, setting in saved.settings.items():
        try:
            done.append(_restore_one(sysfs, by_folder.get(folder), folder, setting))
        except FrequencyNotSet as error:
            remaining.append(folder)
            failed.append(str(error))
    try:
        # Also when nothing was saved: this deletes a file from before the last reboot.
        saved.keep(remaining)
    except PlatformError as error:
        failed.append(str(error))
    return RestoreResult(tuple(done), tuple(failed))


def _restore_one(
    sysfs: Sysfs, control: FrequencyControl | None, folder: str, setting: FrequencySetting
) -> str:
    """Restore one setting and describe it.

    Reading back decides, because a kernel that enforces its own limit has refused nothing as long
    as that limit was in force before.
    """
    if control is None:
        raise FrequencyNotSet(f'{folder} no longer exists')
    if read_setting(sysfs, control) != setting:
        set_frequency(sysfs, control, setting)
    limits = control.limits(setting)
    return f'{folder}: {setting.governor}, {limits.min_hz / 1e6:g} to {limits.max_hz / 1e6:g} MHz'
