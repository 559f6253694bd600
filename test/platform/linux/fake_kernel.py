"""A kernel for tests: a tree of files on disk whose writes are answered as Linux would.

It knows cpufreq policies and devfreq devices. A write that Linux refuses is refused here, with its
errno, and what Linux changes with a file it changes too. `log` has every write that went through.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from dynofa_ros.platform.linux.sysfs import Sysfs

UNSUPPORTED = '<unsupported>'


class Killed(BaseException):
    """The process ends here, and nothing of it runs any more."""


class FakeKernel(Sysfs):
    """The files of a machine, and what their drivers do."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.log: list[tuple[str, str]] = []
        self.answers: dict[str, int] = {}  # file: errno of every write to it
        self.failures: list[int] = []  # errno of the writes to come, one each; 0: none
        self.kept_minimum: dict[str, int] = {}  # folder: a minimum that the kernel keeps
        self.rounds_minimum_to = 1  # in the unit of the file
        self.kill_after: int | None = None  # writes that are left before the process is killed
        self.vanish_after: dict[str, int] = {}  # folder: reads in it that are left before it goes
        self.lag: int = 0  # ticks until a clock follows
        self._targets: dict[str, tuple[int, int]] = {}

    # What a test builds and turns.

    def put(self, name: str, value: object) -> None:
        """Make a file, or set what it holds; no driver is asked."""
        file = self.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'{value}\n')

    def add(self, name: str, step: int, *, modulo: int) -> None:
        """Let a counter count, around its end."""
        self.put(name, (int(self.read(name)) + step) % modulo)

    def tick(self, count: int = 1) -> None:
        """Let time pass: clocks follow what was asked of them."""
        for _ in range(count):
            for folder, (left, value) in list(self._targets.items()):
                if left <= 1:
                    self.put(self._names(folder)['now'], value)
                    del self._targets[folder]
                else:
                    self._targets[folder] = (left - 1, value)

    def snapshot(self) -> dict[str, str]:
        """Return governor and limits of every clock."""
        return {
            name: self.read(name)
            for folder in self.folders()
            for key, name in self._names(folder).items()
            if key in ('governor', 'low', 'high')
        }

    def folders(self) -> list[str]:
        """Return the folders of the clocks."""
        tops = ('/sys/devices/system/cpu/cpufreq', '/sys/class/devfreq')
        return [f'{top}/{name}' for top in tops for name in self.names(top)]

    # What the library calls.

    def read(self, name: str) -> str:
        for folder in list(self.vanish_after):
            if name.startswith(f'{folder}/'):
                self.vanish_after[folder] -= 1
                if self.vanish_after[folder] < 0:
                    raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), name)
        return super().read(name)

    def writable(self, name: str) -> bool:
        """Tests may run as root, whom no mode stops: the answers say it."""
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

    # What drivers do.

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
        kept = self.kept_minimum.get(folder, 0)
        self.put(names['low'], min(max(value, kept), self._high(names)))

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
        """Return a value that the device has; no other is taken."""
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
        """Let the clock go where limits and governor lead, at once or after the lag."""
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
