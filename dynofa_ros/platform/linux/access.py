"""What this process may do with a file, and what would let it do more."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass

from dynofa_ros.platform.linux.sysfs import Sysfs

GROUP = 'dynofa'
"""The group that the udev rule of docs/robot.md gives the files to."""


@dataclass(frozen=True)
class FileAccess:
    """A file, and what this process may do with it."""

    file: str
    readable: bool
    writable: bool
    owner: str
    group: str
    mode: str  # as `ls -l` shows it; empty where it cannot be seen

    @classmethod
    def of(cls, sysfs: Sysfs, file: str) -> FileAccess:
        """Look at a file."""
        try:
            found = sysfs.path(file).stat()
        except OSError:
            return cls(file, readable=False, writable=False, owner='', group='', mode='')
        return cls(
            file,
            readable=sysfs.readable(file),
            writable=sysfs.writable(file),
            owner=_user_name(found.st_uid),
            group=_group_name(found.st_gid),
            mode=stat.filemode(found.st_mode),
        )

    @property
    def to_write(self) -> str:
        """What is missing to write the file; empty where nothing is."""
        if self.writable:
            return ''
        return self._missing('w', 'written')

    @property
    def to_read(self) -> str:
        """What is missing to read the file; empty where nothing is."""
        if self.readable:
            return ''
        return self._missing('r', 'read')

    def _missing(self, letter: str, done: str) -> str:
        if not self.mode:
            return f'{self.file} is not there'
        text = f'{self.file} ({self.owner}:{self.group} {self.mode}) cannot be {done}: '
        if letter not in self.mode:
            return f'{text}the driver offers no way to do it'
        if letter in self.mode[4:7] and self.group != 'root':
            return f'{text}join the group {self.group} (sudo usermod -aG {self.group} $USER)'
        if letter in self.mode[1:4] and os.geteuid() == 0:
            return f'{text}it is mounted read-only, as in a container without --privileged'
        return f'{text}give it to the group {GROUP} with the udev rule of docs/robot.md'


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
