"""The clocks as they were found, on disk before the first one is turned.

So they can be put back after a crash or `kill -9`, by the next start or by hand. One process at a
time may turn clocks: it holds a lock on a file beside the record, which Linux takes back from a
process that dies.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from dynofa_ros.platform.checks import PlatformError
from dynofa_ros.platform.linux.frequency_control import FrequencySetting
from dynofa_ros.platform.linux.sysfs import Sysfs

NAME = 'clocks_found.json'
BOOT = '/proc/sys/kernel/random/boot_id'
SYSTEM = Path('/var/lib/dynofa')


def default_record_file(
    environment: Mapping[str, str] = os.environ, *, system: Path = SYSTEM
) -> Path:
    """Return where the record lies when nobody says.

    In this order: the state folder of the systemd service; `/var/lib/dynofa` where this process may
    write it, or a record lies there already, which then is to be put back first; and the state
    folder of the user.
    """
    service = environment.get('STATE_DIRECTORY', '').partition(':')[0]
    if service:
        return Path(service) / NAME
    place = system if os.access(system, os.F_OK) else system.parent
    if os.access(place, os.W_OK) or os.access(system / NAME, os.F_OK):
        return system / NAME
    state = environment.get('XDG_STATE_HOME')
    return (Path(state) if state else Path.home() / '.local/state') / 'dynofa' / NAME


class ClockRecord:
    """The settings found, by control folder, in a file that locks out other processes."""

    def __init__(self, file: Path, *, sysfs: Sysfs) -> None:
        """Take the lock.

        Raises:
            PlatformError: if another process has it, or the folder cannot be written.
        """
        self.file = file
        self._boot = sysfs.text(BOOT)
        self._lock = _locked(file.with_name(f'{file.name}.lock'))

    def read(self) -> dict[str, FrequencySetting]:
        """Return what was found; nothing after a restart of the machine, which puts clocks back.

        Raises:
            PlatformError: if the file cannot be read, or is no record.
        """
        try:
            text = self.file.read_text(encoding='utf-8')
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _refused(self.file, f'cannot be read: {error.strerror}') from error
        try:
            document = json.loads(text)
            found = {folder: _setting(fields) for folder, fields in document['settings'].items()}
            return found if document['boot_id'] == self._boot else {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _refused(
                self.file,
                'is no record of clocks; set them by hand where they were turned, and delete it',
            ) from error

    def write(self, settings: Mapping[str, FrequencySetting]) -> None:
        """Put the settings on disk, whole or not at all; with none left the file goes.

        Raises:
            PlatformError: if it cannot be written.
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
            raise _refused(self.file, f'cannot be written: {error.strerror}') from error

    def close(self) -> None:
        """Let another process turn clocks."""
        self._lock.close()


def _locked(file: Path) -> TextIO:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open('a', encoding='utf-8')
    except OSError as error:
        raise _refused(file, f'cannot be written: {error.strerror}') from error
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.close()
        raise _refused(file, 'is held by another process, which turns the clocks') from error
    return stream


def _setting(fields: Mapping[str, object]) -> FrequencySetting:
    """Return a setting of the file; raises TypeError for one that none could have."""
    setting = FrequencySetting(**fields)  # type: ignore[arg-type]
    numbers = [setting.lowest, setting.highest, 0 if setting.speed is None else setting.speed]
    if not isinstance(setting.governor, str) or not all(type(each) is int for each in numbers):
        raise TypeError(f'{fields} is no setting')
    return setting


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(file: Path, text: str) -> PlatformError:
    return PlatformError(
        field='state file', value=str(file), expected=f'one that can be kept; this one {text}'
    )
