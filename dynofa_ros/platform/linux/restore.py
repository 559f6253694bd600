"""Put clocks back to how they were found, as far as the kernel lets us."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dynofa_ros.platform.linux.frequency_control import (
    Knob,
    KnobSetting,
    find_devices,
    find_policies,
)
from dynofa_ros.platform.linux.record import ClockRecord
from dynofa_ros.platform.linux.set_frequency import TurnRefused, setting_of, turn
from dynofa_ros.platform.linux.sysfs import Sysfs


@dataclass(frozen=True)
class PutBack:
    """What was put back, and what could not be, in words."""

    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.done and not self.failed:
            return 'no clock was turned: nothing to put back'
        texts = [f'put back: {each}' for each in self.done]
        return '\n'.join([*texts, *(f'NOT put back: {each}' for each in self.failed)])


def put_back(sysfs: Sysfs, file: Path) -> PutBack:
    """Put back what a process that died has left, by its state file.

    Raises PlatformError if the file cannot be used, or its process is alive and turns clocks.
    """
    with closing(ClockRecord(file, sysfs=sysfs)) as record:
        return put_back_record(sysfs, record, (*find_policies(sysfs), *find_devices(sysfs)))


def put_back_record(sysfs: Sysfs, record: ClockRecord, knobs: Sequence[Knob]) -> PutBack:
    """Put back every clock of a record; those that fail stay in it, for the next time.

    Only clocks of this machine are written, whatever the record names. Doing it twice is doing it
    once. Raises PlatformError if the record cannot be read or written.
    """
    by_folder = {knob.folder: knob for knob in knobs}
    left: dict[str, KnobSetting] = {}
    done, failed = [], []
    found = record.read()
    for folder, setting in found.items():
        try:
            done.append(_put_back(sysfs, by_folder.get(folder), folder, setting))
        except TurnRefused as refused:
            left[folder] = setting
            failed.append(str(refused))
    # Also where it was empty: a record of before the machine's last start goes.
    record.write(left)
    return PutBack(tuple(done), tuple(failed))


def _put_back(sysfs: Sysfs, knob: Knob | None, folder: str, setting: KnobSetting) -> str:
    """Put one clock back, and say how it stands.

    A kernel that keeps a limit of its own has refused nothing that we turned, if the clock stands
    where it did, so reading back decides.
    """
    if knob is None:
        raise TurnRefused(f'{folder} is no longer there')
    if setting_of(sysfs, knob) != setting:
        turn(sysfs, knob, setting)
    lowest_hz, highest_hz = knob.limits_hz(setting)
    return f'{folder}: {setting.governor}, {lowest_hz / 1e6:g} to {highest_hz / 1e6:g} MHz'
