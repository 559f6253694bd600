# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A fake kernel: a tree of files on disk that handles writes as Linux does.

It implements cpufreq policies and devfreq devices. It refuses the writes that Linux refuses, with
the same errno, and updates the files that Linux updates. `log` has every accepted write.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from dynofa_ros.platform.linux.sysfs import Sysfs

UNSUPPORTED = '<unsupported>'


class Killed(BaseException):
    """Stands for the death of the process: only tests catch it."""


class FakeKernel(Sysfs):
    """The files of a machine, and the behaviour of their drivers."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.log: list[tuple[str, str]] = []
        self.answers: dict[str, int] = {}  # file: errno of every write to it
        self.failures: list[int] = []  # errno of each of the next writes; 0: accepted
        self.enforced_minimum: dict[str, int] = {}  # folder: a minimum that the kernel enforces
        self.rounds_minimum_to = 1  # in the unit of the file
        self.kill_after: int | None = None  # writes until the process is killed
        self.vanish_after: dict[str, int] = {}  # folder: reads until it is removed
        self.lag: int = 0  # ticks until the frequency changes
        self._targets: dict[str, tuple[int, int]] = {}

    # The interface of tests.

    def put(self, name: str, value: object) -> None:
        """Create or overwrite a file, bypassing its driver."""
        file = self.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'{value}\n')

    def add(self, name: str, step: int, *, modulo: int) -> None:
        """Advance a counter that wraps around."""
        self.put(name, (int(self.read(name)) + step) % modulo)

    def tick(self, count: int = 1) -> None:
        """Let time pass: frequencies follow their targets."""
        for _ in range(count):
            for folder, (left, value) in list(self._targets.items()):
                if left <= 1:
                    self.put(self._names(folder)['now'], value)
                    del self._targets[folder]
                else:
                    self._targets[folder] = (left - 1, value)

    def snapshot(self) -> dict[str, str]:
        """Return governor and limits of every frequency control."""
        return {
            name: self.read(name)
            for folder in self.folders()
            for key, name in self._names(folder).items()
            if key in ('governor', 'low', 'high')
        }

    def folders(self) -> list[str]:
        """Return the folders of the frequency controls."""
        tops = ('/sys/devices/system/cpu/cpufreq', '/sys/class/devfreq')
        return [f'{top}/{name}' for top in tops for name in self.names(top)]

    # The interface of the library.

    def read(self, name: str) -> str:
        for folder in list(self.vanish_after):
            if name.startswith(f'{folder}/'):
                self.vanish_after[folder] -= 1
                if self.vanish_after[folder] < 0:
                    raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), name)
        return super().read(name)

    def writable(self, name: str) -> bool:
        """Decide by `answers`, because tests may run as root, whom no file mode stops."""
        return self.path(name).exists() and self.answers.get(name) not in (
            errno.EACCES,
            errno.EROFS,
        )

    def write(self, name: str, text: str) -> None:
        if self.kill_after is not None:
            self.kill_after -= 1
            if self.kill_after < 0:
                raise Killed
        self._refuse(self.failures.pop(0) if self.failures else 0, name)
        self._refuse(self.answers.get(name, 0), name)
        if not self.path(name).exists():
            self._refuse(errno.ENOENT, name)
        folder, _, last = name.rpartition('/')
        names = self._names(folder)
        keys = {file: key for key, file in names.items()}
        if not self.exists(names['governor']) or name not in keys:
            self._refuse(errno.EACCES, name)
        getattr(self, f'_write_{keys[name]}')(folder, names, text)
        self.log.append((name, text))
        self._follow(folder, names)
        assert self._low(names) <= self._high(names), f'{last} left the minimum above the maximum'

    # The behaviour of drivers.

    def _names(self, folder: str) -> dict[str, str]:
        if '/cpufreq/' in folder:
            names = {
                'governor': 'scaling_governor',
                'governors': 'scaling_available_governors',
                'low': 'scaling_min_freq',
                'high': 'scaling_max_freq',
                'now': 'scaling_cur_freq',
                'speed': 'scaling_setspeed',
                'listed': 'scaling_available_frequencies',
            }
        else:
            names = {
                'governor': 'governor',
                'governors': 'available_governors',
                'low': 'min_freq',
                'high': 'max_freq',
                'now': 'cur_freq',
                'listed': 'available_frequencies',
            }
        return {key: f'{folder}/{name}' for key, name in names.items()}

    def _write_governor(self, folder: str, names: dict[str, str], text: str) -> None:
        if text not in self.words(names['governors']):
            self._refuse(errno.EINVAL, names['governor'])
        before = self.read(names['governor'])
        self.put(names['governor'], text)
        if 'speed' in names and self.exists(names['speed']):
            if text != 'userspace':
                self.put(names['speed'], UNSUPPORTED)
            elif before != 'userspace':
                self.put(names['speed'], self.read(names['now']))

    def _write_low(self, folder: str, names: dict[str, str], text: str) -> None:
        value = self._frequency(folder, names, text, names['low'])
        if value > self._high(names):
            self._refuse(errno.EINVAL, names['low'])
        value -= value % self.rounds_minimum_to
        enforced = self.enforced_minimum.get(folder, 0)
        self.put(names['low'], min(max(value, enforced), self._high(names)))

    def _write_high(self, folder: str, names: dict[str, str], text: str) -> None:
        value = self._frequency(folder, names, text, names['high'])
        if value < self._low(names):
            self._refuse(errno.EINVAL, names['high'])
        self.put(names['high'], value)

    def _write_speed(self, folder: str, names: dict[str, str], text: str) -> None:
        value = self._frequency(folder, names, text, names['speed'])
        if self.read(names['governor']) != 'userspace':
            self._refuse(errno.EINVAL, names['speed'])
        self.put(names['speed'], min(max(value, self._low(names)), self._high(names)))

    def _frequency(self, folder: str, names: dict[str, str], text: str, name: str) -> int:
        """Return the value if the device supports it; refuse it otherwise."""
        if not text.isdigit():
            self._refuse(errno.EINVAL, name)
        listed = self.words(names['listed'])
        if listed:
            if text not in listed:
                self._refuse(errno.EINVAL, name)
        elif '/cpufreq/' in folder:
            lowest = int(self.read(f'{folder}/cpuinfo_min_freq'))
            highest = int(self.read(f'{folder}/cpuinfo_max_freq'))
            if not lowest <= int(text) <= highest:
                self._refuse(errno.EINVAL, name)
        return int(text)

    def _follow(self, folder: str, names: dict[str, str]) -> None:
        """Let the frequency follow limits and governor, at once or after the lag."""
        governor = self.read(names['governor'])
        low, high = self._low(names), self._high(names)
        value = low if governor == 'powersave' else high
        if governor == 'userspace' and 'speed' in names:
            value = min(max(int(self.read(names['speed'])), low), high)
        self._targets[folder] = (self.lag, value)
        if not self.lag:
            self.tick()

    def _low(self, names: dict[str, str]) -> int:
        return int(self.read(names['low']))

    def _high(self, names: dict[str, str]) -> int:
        return int(self.read(names['high']))

    def _refuse(self, code: int, name: str) -> None:
        if code:
            raise OSError(code, os.strerror(code), name)
