# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Energy of the CPU packages of this machine, measured by their own counters (RAPL).

Linux exposes the counters in the powercap tree (`Documentation/power/powercap/powercap.rst` of its
source): one folder per zone, with its name, its energy and the value at which the counter wraps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path('/sys/class/powercap')
MIN_DURATION_S = 0.5
"""The counters are updated every millisecond, an error of 0.2 % over this duration."""


class EnergyUnavailable(ValueError):
    """There is no sensor, or it cannot be read; the text states the reason and a remedy."""


@dataclass(frozen=True)
class EnergyCounter:
    """The energy counter of one CPU package."""

    folder: Path
    range_j: float
    """Energy at which it wraps around to 0."""

    def energy_j(self) -> float:
        """Return the current value, in 0..range_j.

        Raises:
            EnergyUnavailable: if it cannot be read.
        """
        return _joules(self.folder / 'energy_uj')


class EnergyMeter:
    """Energy of all CPU packages since the meter was created.

    It must be read before a counter wraps around twice, which takes minutes at full load.
    """

    def __init__(self, root: Path = POWERCAP) -> None:
        """Find the packages.

        Raises:
            EnergyUnavailable: if there are none, or one cannot be read.
        """
        self._counters = [
            EnergyCounter(folder, _joules(folder / 'max_energy_range_uj'))
            for folder in _package_folders(root)
        ]
        self._last_j = [counter.energy_j() for counter in self._counters]
        self._total_j = 0.0

    def read_j(self) -> float:
        """Return the energy so far [J].

        Raises:
            EnergyUnavailable: if a counter can no longer be read.
        """
        for index, counter in enumerate(self._counters):
            now_j = counter.energy_j()
            step_j = now_j - self._last_j[index]
            self._total_j += step_j if step_j >= 0 else step_j + counter.range_j
            self._last_j[index] = now_j
        return self._total_j


def idle_power_w(
    meter: EnergyMeter,
    *,
    seconds: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> float:
    """Return the power while this process sleeps: of the idle machine and of other programs [W].

    Raises:
        EnergyUnavailable: if a counter can no longer be read.
    """
    before_j, start_s = meter.read_j(), clock()
    sleep(seconds)
    return (meter.read_j() - before_j) / (clock() - start_s)


def energy_above_idle_j(
    meter: EnergyMeter,
    work: Callable[[], object],
    *,
    idle_w: float,
    seconds: float = MIN_DURATION_S,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the energy of one call of ``work`` above that of the idle machine [J].

    The call is repeated for ``seconds``. NaN if the energy is not above idle, which happens when
    other programs were more active during the measurement of ``idle_w``.

    Raises:
        EnergyUnavailable: if a counter can no longer be read.
    """
    before_j, start_s, calls, elapsed_s = meter.read_j(), clock(), 0, 0.0
    while elapsed_s < seconds or not calls:
        work()
        calls += 1
        elapsed_s = clock() - start_s
    above_j = meter.read_j() - before_j - idle_w * elapsed_s
    return above_j / calls if above_j > 0 else math.nan


def _package_folders(root: Path) -> list[Path]:
    """Return one folder for each CPU package.

    Cores and graphics are parts of a package, and psys is the whole board: neither is used. A
    package may be listed twice, once by registers and once by memory (``mmio``).
    """
    try:
        folders = sorted(root.iterdir(), key=lambda each: ('mmio' in each.name, each.name))
    except OSError as error:
        raise EnergyUnavailable(
            f'{root} cannot be listed: {error.strerror}; Linux exposes the energy counters of '
            'Intel and AMD processors there, except in virtual machines and containers'
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
            f'{file} cannot be read: {error.strerror}; to allow it until the next boot, run: '
            f'sudo chmod a+r {file.parent.parent}/*/energy_uj'
        ) from error
    except OSError as error:
        raise EnergyUnavailable(f'{file} cannot be read: {error.strerror}') from error
    except ValueError:
        raise EnergyUnavailable(f'{file} is {text!r}; expected microjoules') from None
