"""`dynofa platform`: what its actions do."""

from __future__ import annotations

from pathlib import Path

from dynofa_ros.platform.linux.describe import document, screen
from dynofa_ros.platform.linux.machine import LinuxMachine
from dynofa_ros.platform.linux.put_back import put_back
from dynofa_ros.platform.linux.record import default_record_file
from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.whole_file import write_json


def show(json_file: Path | None, *, sysfs: Sysfs | None = None) -> int:
    """Print what the machine has; write all of it where a file is named.

    Raises ValueError for a file that cannot be written.
    """
    sysfs = sysfs or Sysfs()
    machine = LinuxMachine.discover(sysfs)
    print(screen(sysfs, machine))
    if json_file:
        write_json(json_file, document(sysfs, machine))
    return 0


def restore(state_file: Path | None, *, sysfs: Sysfs | None = None) -> int:
    """Put clocks back by the state file; return 1 if one of them could not be.

    Raises PlatformError for a state file that cannot be used.
    """
    result = put_back(sysfs or Sysfs(), state_file or default_record_file())
    print(result)
    return 1 if result.failed else 0
