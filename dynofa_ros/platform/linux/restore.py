"""Put clocks back to how they were found, as far as the kernel lets us."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dynofa_ros.platform.linux.frequency_control import (
    FrequencyControl,
    FrequencySetting,
    find_devices,
    find_policies,
)
from dynofa_ros.platform.linux.record import ClockRecord
from dynofa_ros.platform.linux.set_frequency import FrequencyNotSet, set_frequency, setting_of
from dynofa_ros.platform.linux.sysfs import Sysfs


@dataclass(frozen=True)
class RestoreResult:
    """What was put back, and what could not be, in words."""

    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.done and not self.failed:
            return 'no clock was turned: nothing to put back'
        texts = [f'put back: {each}' for each in self.done]
        return '\n'.join([*texts, *(f'NOT put back: {each}' for each in self.failed)])


def restore_frequencies(sysfs: Sysfs, file: Path) -> RestoreResult:
    """Put back what a process that died has left, by its state file.

    Raises PlatformError if the file cannot be used, or its process is alive and turns clocks.
    """
    with closing(ClockRecord(file, sysfs=sysfs)) as record:
        return restore_record(sysfs, record, (*find_policies(sysfs), *find_devices(sysfs)))


def restore_record(
    sysfs: Sysfs, record: ClockRecord, controls: Sequence[FrequencyControl]
) -> RestoreResult:
    """Put back every clock of a record; those that fail stay in it, for the next time.

    Only clocks of this machine are written, whatever the record names. Doing it twice is doing it
    once. Raises PlatformError if the record cannot be read or written.
    """
    by_folder = {control.folder: control for control in controls}
    left: dict[str, FrequencySetting] = {}
    done, failed = [], []
    found = record.read()
    for folder, setting in found.items():
        try:
            done.append(_restore_one(sysfs, by_folder.get(folder), folder, setting))
        except FrequencyNotSet as refused:
            left[folder] = setting
            failed.append(str(refused))
    # Also where it was empty: a record of before the machine's last start goes.
    record.write(left)
    return RestoreResult(tuple(done), tuple(failed))


def _restore_one(
    sysfs: Sysfs, control: FrequencyControl | None, folder: str, setting: FrequencySetting
) -> str:
    """Put one clock back, and say how it stands.

    A kernel that keeps a limit of its own has refused nothing that we turned, if the clock stands
    where it did, so reading back decides.
    """
    if control is None:
        raise FrequencyNotSet(f'{folder} is no longer there')
    if setting_of(sysfs, control) != setting:
        set_frequency(sysfs, control, setting)
    lowest_hz, highest_hz = control.limits_hz(setting)
    return f'{folder}: {setting.governor}, {lowest_hz / 1e6:g} to {highest_hz / 1e6:g} MHz'
