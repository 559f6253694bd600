"""Saved frequency settings, and how they are restored.

The settings of a clock are on disk before it is changed for the first time, so they can be restored
after a crash or `kill -9`, by the next start or by hand. One process at a time may set frequencies:
it holds a lock on a file next to the saved settings, which Linux releases when the process dies.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.linux.frequency_control import (
    FrequencyControl,
    FrequencySetting,
    find_controls,
)
from dynofa_ros.platform.linux.set_frequency import FrequencyNotSet, read_setting, set_frequency
from dynofa_ros.platform.linux.sysfs import Sysfs

NAME = 'clocks_found.json'
BOOT = '/proc/sys/kernel/random/boot_id'
SYSTEM = Path('/var/lib/dynofa')


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
    """The original settings by control folder, in a file that locks out other processes."""

    def __init__(self, file: Path, *, sysfs: Sysfs) -> None:
        """Take the lock; raises PlatformError if it is held by another process, or not writable."""
        self.file = file
        self._boot = sysfs.text(BOOT)
        self._lock = _locked(file.with_name(f'{file.name}.lock'))

    def read(self) -> dict[str, FrequencySetting]:
        """Return the saved settings; none after a reboot, which resets all frequencies.

        Raises PlatformError if the file cannot be read, or holds something else.
        """
        try:
            text = self.file.read_text(encoding='utf-8')
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _unusable(self.file, f'a readable file: {error.strerror}') from error
        try:
            document = json.loads(text)
            saved = {folder: _setting(fields) for folder, fields in document['settings'].items()}
            return saved if document['boot_id'] == self._boot else {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _unusable(
                self.file,
                'saved frequency settings; check the frequencies by hand, then delete the file',
            ) from error

    def write(self, settings: Mapping[str, FrequencySetting]) -> None:
        """Write the settings to disk atomically; without any, delete the file.

        Raises PlatformError if it cannot be written.
        """
        partial = self.file.with_name(f'{self.file.name}.partial')
        document = {
            'boot_id': self._boot,
            'settings': {folder: dataclasses.asdict(each) for folder, each in settings.items()},
        }
        try:
            if not settings:
                self.file.unlink(missing_ok=True)
            else:
                with partial.open('w', encoding='utf-8') as stream:
                    json.dump(document, stream, indent=1)
                    stream.flush()
                    os.fsync(stream.fileno())
                partial.replace(self.file)
            _sync_folder(self.file.parent)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise _unusable(self.file, f'a writable file: {error.strerror}') from error

    def close(self) -> None:
        """Release the lock."""
        self._lock.close()


def _locked(file: Path) -> TextIO:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open('a', encoding='utf-8')
    except OSError as error:
        raise _unusable(file, f'a writable file: {error.strerror}') from error
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.close()
        raise _unusable(file, 'a lock that is free: another process sets frequencies') from error
    return stream


def _setting(fields: Mapping[str, object]) -> FrequencySetting:
    """Return a setting of the file; raises TypeError for invalid values."""
    setting = FrequencySetting(**fields)  # type: ignore[arg-type]
    numbers = [setting.lowest, setting.highest, 0 if setting.speed is None else setting.speed]
    if not isinstance(setting.governor, str) or not all(type(each) is int for each in numbers):
        raise TypeError(f'setting is {fields}; expected a governor and whole numbers')
    return setting


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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

    Only `controls` are written, whatever the file names. Raises PlatformError if the state file
    cannot be read or written.
    """
    by_folder = {control.folder: control for control in controls}
    remaining: dict[str, FrequencySetting] = {}
    done, failed = [], []
    for folder, setting in saved.read().items():
        try:
            done.append(_restore_one(sysfs, by_folder.get(folder), folder, setting))
        except FrequencyNotSet as error:
            remaining[folder] = setting
            failed.append(str(error))
    # Also when nothing was saved: this deletes a file from before the last reboot.
    saved.write(remaining)
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
