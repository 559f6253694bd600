# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Frequency controls of Linux: cpufreq policies and devfreq devices.

`Documentation/admin-guide/pm/cpufreq.rst` and `Documentation/ABI/testing/sysfs-class-devfreq`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynofa_ros.platform.linux.sysfs import Sysfs
from dynofa_ros.platform.processor import SAME_FREQUENCY_HZ
from dynofa_ros.platform.settings import Limits

USERSPACE = 'userspace'
MAX_CORES = 1 << 16


@dataclass(frozen=True)
class Interface:
    """File names of a kind of control, and the unit of their numbers."""

    name: str
    unit_hz: float
    governor: str
    governors: str
    lowest: str  # current limits
    highest: str
    now: str
    speed: str  # frequency for the governor userspace; empty: not supported


CPUFREQ = Interface(
    name='cpufreq',
    unit_hz=1e3,
    governor='scaling_governor',
    governors='scaling_available_governors',
    lowest='scaling_min_freq',
    highest='scaling_max_freq',
    now='scaling_cur_freq',
    speed='scaling_setspeed',
)
DEVFREQ = Interface(
    name='devfreq',
    unit_hz=1.0,
    governor='governor',
    governors='available_governors',
    lowest='min_freq',
    highest='max_freq',
    now='cur_freq',
    speed='',
)


@dataclass(frozen=True)
class FrequencySetting:
    """The setting of a control in the unit of its files, so that it can be restored exactly."""

    governor: str
    lowest: int
    highest: int
    speed: int | None = None  # of the governor userspace; None: another governor


@dataclass(frozen=True)
class FrequencyControl:
    """One clock whose frequency can be set: its constant properties."""

    folder: str
    interface: Interface
    driver: str
    cores: tuple[int, ...]  # CPU cores that it clocks; none for a device
    governors: tuple[str, ...]
    listed_hz: tuple[float, ...]  # ascending; empty: any frequency in the range
    lowest_hz: float
    highest_hz: float
    core_kind: str = ''  # kind of its CPU cores; empty: Linux does not tell

    def file(self, name: str) -> str:
        """Return the full path of one of its files."""
        return f'{self.folder}/{name}'

    @property
    def files_to_write(self) -> tuple[str, ...]:
        """The files that must be writable to set the frequency."""
        names = [self.interface.lowest, self.interface.highest]
        if self.has_userspace:
            names += [self.interface.governor, self.interface.speed]
        return tuple(self.file(name) for name in names)

    @property
    def has_userspace(self) -> bool:
        """Whether the governor userspace can set one frequency; otherwise equal limits do."""
        return bool(self.interface.speed) and USERSPACE in self.governors

    def units(self, frequency_hz: float) -> int:
        """Return a frequency in the unit of its files."""
        return round(frequency_hz / self.interface.unit_hz)

    def hz(self, units: float) -> float:
        """Return the frequency of a number in its files [Hz]."""
        return units * self.interface.unit_hz

    def setting(self, sysfs: Sysfs) -> FrequencySetting:
        """Read the current setting.

        Raises OSError for a file that cannot be read, ValueError for one without a number.
        """
        governor = sysfs.read(self.file(self.interface.governor))
        speed = None
        # It reads as the current frequency, which throttling may hold below the requested one.
        if governor == USERSPACE and self.interface.speed:
            speed = int(sysfs.read(self.file(self.interface.speed)))
        return FrequencySetting(
            governor=governor,
            lowest=int(sysfs.read(self.file(self.interface.lowest))),
            highest=int(sysfs.read(self.file(self.interface.highest))),
            speed=speed,
        )

    def reachable(self, limits: Limits) -> Limits:
        """Return limits of its domain as it can apply them, which may offer more frequencies.

        A fixed frequency that it lacks becomes the next one above, else its highest.
        """
        if not (limits.fixed and self.listed_hz):
            return Limits(self._clipped_hz(limits.min_hz), self._clipped_hz(limits.max_hz))
        lowest_hz = limits.min_hz - SAME_FREQUENCY_HZ
        fixed_hz = next((each for each in self.listed_hz if each >= lowest_hz), self.highest_hz)
        return Limits(fixed_hz, fixed_hz)

    def _clipped_hz(self, frequency_hz: float) -> float:
        return min(max(frequency_hz, self.lowest_hz), self.highest_hz)

    def frequency_hz(self, sysfs: Sysfs) -> float:
        """Return the current frequency [Hz]; NaN if it cannot be read."""
        return self.hz(sysfs.number(self.file(self.interface.now)))

    def limits(self, setting: FrequencySetting) -> Limits:
        """Return the limits of a setting."""
        if setting.speed is not None:
            return Limits(self.hz(setting.speed), self.hz(setting.speed))
        # A devfreq device without a limit reads 0.
        return Limits(
            self.hz(setting.lowest) or self.lowest_hz, self.hz(setting.highest) or self.highest_hz
        )


POLICIES = '/sys/devices/system/cpu/cpufreq'
DEVICES = '/sys/class/devfreq'


def find_controls(sysfs: Sysfs) -> tuple[FrequencyControl, ...]:
    """Return the controls whose frequency range is known.

    First the cpufreq policies, one for the cores that share a clock, then the devfreq devices: GPU,
    memory controller, video engines.
    """
    policies = [name for name in sysfs.names(POLICIES) if name.startswith('policy')]
    controls = (
        *(_policy(sysfs, f'{POLICIES}/{name}') for name in policies),
        *(_device(sysfs, f'{DEVICES}/{name}') for name in sysfs.names(DEVICES)),
    )
    return tuple(
        each
        for each in controls
        if math.isfinite(each.lowest_hz) and 0 < each.lowest_hz <= each.highest_hz
    )


def _policy(sysfs: Sysfs, folder: str) -> FrequencyControl:
    listed = [
        *sysfs.words(f'{folder}/scaling_available_frequencies'),
        *sysfs.words(f'{folder}/scaling_boost_frequencies'),
    ]
    highest = sysfs.number(f'{folder}/cpuinfo_max_freq')
    # Boost frequencies are listed even while boost is off.
    listed = [word for word in listed if word.isdigit() and not int(word) > highest]
    words = sysfs.words(f'{folder}/related_cpus') or sysfs.words(f'{folder}/affected_cpus')
    cores = tuple(int(core) for core in words if core.isdigit())
    return _control(
        sysfs,
        folder,
        CPUFREQ,
        driver=sysfs.text(f'{folder}/scaling_driver'),
        cores=cores,
        core_kind=_core_kind(sysfs, cores),
        listed=listed,
        ends=(sysfs.number(f'{folder}/cpuinfo_min_freq'), highest),
    )


def _device(sysfs: Sysfs, folder: str) -> FrequencyControl:
    driver = f'{folder}/device/driver'
    return _control(
        sysfs,
        folder,
        DEVFREQ,
        driver=sysfs.path(driver).resolve().name if sysfs.exists(driver) else '',
        cores=(),
        listed=list(sysfs.words(f'{folder}/available_frequencies')),
        ends=(sysfs.number(f'{folder}/min_freq'), sysfs.number(f'{folder}/max_freq')),
    )


def _control(
    sysfs: Sysfs,
    folder: str,
    interface: Interface,
    *,
    driver: str,
    cores: tuple[int, ...],
    listed: list[str],
    ends: tuple[float, float],
    core_kind: str = '',
) -> FrequencyControl:
    """Build a control; a list of frequencies takes precedence over the ends of the range."""
    numbers = {int(word) for word in listed if word.isdigit()}
    listed_hz = tuple(sorted(number * interface.unit_hz for number in numbers if number > 0))
    lowest_hz, highest_hz = (end * interface.unit_hz for end in ends)
    return FrequencyControl(
        folder=folder,
        interface=interface,
        driver=driver,
        cores=cores,
        governors=sysfs.words(f'{folder}/{interface.governors}'),
        listed_hz=listed_hz,
        lowest_hz=listed_hz[0] if listed_hz else lowest_hz,
        highest_hz=listed_hz[-1] if listed_hz else highest_hz,
        core_kind=core_kind,
    )


INTEL_KINDS = ('cpu_core', 'cpu_atom')
"""Devices of a hybrid Intel processor, each with a list of its cores (`perf_event_open(2)`)."""
PART_NUMBER = 0xFFF0
"""Bits of the Main ID Register of Arm that name the kind of core, without its revision."""


def _core_kind(sysfs: Sysfs, cores: tuple[int, ...]) -> str:
    """Return the kind of some cores; empty if Linux does not tell."""
    if not cores:
        return ''
    for kind in INTEL_KINDS:
        if cores[0] in parse_cores(sysfs.text(f'/sys/devices/{kind}/cpus')):
            return kind
    register = f'/sys/devices/system/cpu/cpu{cores[0]}/regs/identification/midr_el1'
    try:
        return f'{int(sysfs.text(register), 16) & PART_NUMBER:#x}'
    except ValueError:
        return ''


def parse_cores(text: str) -> set[int]:
    """Return the cores of a list such as ``0-3,8``; words that are no range are left out."""
    cores: set[int] = set()
    for word in text.split(','):
        first, _, last = word.strip().partition('-')
        last = last or first
        if first.isdigit() and last.isdigit() and int(last) < MAX_CORES:
            cores.update(range(int(first), int(last) + 1))
    return cores
