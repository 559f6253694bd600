# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Missing file permissions, and how to get them."""

from __future__ import annotations

import grp
import os
import pwd
import stat

from dynofa_ros.platform.linux.sysfs import Sysfs

GROUP = 'dynofa'
"""The group that owns the files by the udev rule of docs/robot.md."""


def explain_not_writable(sysfs: Sysfs, file: str) -> str:
    """Return why this process cannot write a file and how to allow it; empty: it can."""
    return '' if sysfs.writable(file) else _explain(sysfs, file, 'w', 'written')


def explain_not_readable(sysfs: Sysfs, file: str) -> str:
    """Return why this process cannot read a file and how to allow it; empty: it can."""
    return '' if sysfs.readable(file) else _explain(sysfs, file, 'r', 'read')


def _explain(sysfs: Sysfs, file: str, letter: str, done: str) -> str:
    try:
        found = sysfs.path(file).stat()
    except OSError:
        return f'{file} does not exist'
    mode, group = stat.filemode(found.st_mode), _group_name(found.st_gid)
    text = f'{file} ({_user_name(found.st_uid)}:{group} {mode}) cannot be {done}: '
    if letter not in mode:
        return f'{text}the driver does not support it'
    if letter in mode[4:7] and group != 'root':
        return f'{text}join the group {group} (sudo usermod -aG {group} $USER)'
    if letter in mode[1:4] and os.geteuid() == 0:
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
