"""Energy of this machine's CPU packages, counted by the processor itself (RAPL) and read by Linux.

Linux shows the counters in the powercap tree (`Documentation/power/powercap/powercap.rst` of its
source): one folder a zone, with its name, the energy so far and where that wraps around.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path('/sys/class/powercap')
LEAST_S = 0.5
"""The counters move every millisecond: this long, that is an error of 0.2 %."""


class EnergyUnavailable(ValueError):
    """There is no sensor, or it cannot be read; the text says why, and what helps."""


@dataclass(frozen=True)
class Zone:
    """One CPU package's counter."""

    folder: Path
    range_j: float
    """Where it wraps around to 0."""

    @classmethod
    def read(cls, folder: Path) -> Zone:
        """Return the zone of a folder that can be read.

        Raises:
            EnergyUnavailable: if it cannot.
        """
        zone = cls(folder, _joules(folder / 'max_energy_range_uj'))
        zone.energy_j()
        return zone

    def energy_j(self) -> float:
        """Return what it counts now, in 0..range_j.

        Raises:
            EnergyUnavailable: if it cannot be read.
        """
        return _joules(self.folder / 'energy_uj')


class EnergyMeter:
    """Energy of all CPU packages together since the meter was made.

    It must be read more often than a counter wraps around, which takes minutes at full load.
    """

    def __init__(self, root: Path = POWERCAP) -> None:
        """Find the packages.

        Raises:
            EnergyUnavailable: if there are none, or one cannot be read.
        """
        self._zones = [Zone.read(folder) for folder in _package_folders(root)]
        self._last_j = [zone.energy_j() for zone in self._zones]
        self._total_j = 0.0

    def read_j(self) -> float:
        """Return the energy so far [J].

        Raises:
            EnergyUnavailable: if a counter can no longer be read.
        """
        for index, zone in enumerate(self._zones):
            now_j = zone.energy_j()
            passed_j = now_j - self._last_j[index]
            self._total_j += passed_j if passed_j >= 0 else passed_j + zone.range_j
            self._last_j[index] = now_j
        return self._total_j


def idle_power_w(
    meter: EnergyMeter,
    *,
    seconds: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> float:
    """Return the power while this process does nothing: of the idle machine and of other programs.

    Raises:
        EnergyUnavailable: if a counter can no longer be read.
    """
    before_j, start = meter.read_j(), clock()
    sleep(seconds)
    return (meter.read_j() - before_j) / (clock() - start)


def energy_above_idle_j(
    meter: EnergyMeter,
    work: Callable[[], object],
    *,
    idle_w: float,
    seconds: float = LEAST_S,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the energy of one call of ``work`` above that of the idle machine [J].

    The call is repeated for ``seconds``. NaN if the repeated calls took no more than idling: other
    programs then hid what they took.

    Raises:
        EnergyUnavailable: if a counter can no longer be read.
    """
    before_j, start, calls, passed_s = meter.read_j(), clock(), 0, 0.0
    while passed_s < seconds or not calls:
        work()
        calls += 1
        passed_s = clock() - start
    above_j = meter.read_j() - before_j - idle_w * passed_s
    return above_j / calls if above_j > 0 else math.nan


def _package_folders(root: Path) -> list[Path]:
    """Return one folder for each CPU package.

    Cores and graphics are parts of a package, and psys is the whole board: neither counts. A
    package may be there twice, once by registers and once by memory (``mmio``).
    """
    try:
        folders = sorted(root.iterdir(), key=lambda each: ('mmio' in each.name, each.name))
    except OSError as error:
        raise EnergyUnavailable(
            f'{root} cannot be listed: {error.strerror}; Linux shows the energy counters of Intel '
            'and AMD processors there, unless this is a virtual machine or a container'
        ) from error
    packages: dict[str, Path] = {}
    for folder in folders:
        try:
            name = (folder / 'name').read_text().strip()
        except OSError:
            continue  # a control type, not a zone
        if name.startswith('package'):
            packages.setdefault(name, folder)
    if not packages:
        raise EnergyUnavailable(f'{root} has no zone of a CPU package')
    return list(packages.values())


def _joules(file: Path) -> float:
    try:
        text = file.read_text()
        return int(text) * 1e-6
    except PermissionError as error:
        raise EnergyUnavailable(
            f'{file} cannot be read: {error.strerror}; allow it until the next start with: '
            f'sudo chmod a+r {file.parent.parent}/*/energy_uj'
        ) from error
    except OSError as error:
        raise EnergyUnavailable(f'{file} cannot be read: {error.strerror}') from error
    except ValueError:
        raise EnergyUnavailable(f'{file} holds {text!r}; it must be microjoules') from None
