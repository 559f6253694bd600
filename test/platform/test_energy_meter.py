# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Energy counters of a fake powercap tree."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from dynofa_ros.platform.energy_meter import (
    EnergyMeter,
    EnergyUnavailable,
    energy_above_idle_j,
    idle_power_w,
)

RANGE_UJ = 1_000_000_000


class Powercap:
    """A fake powercap tree; a test sets its counters."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / 'intel-rapl').mkdir()  # the control type: no zone

    def zone(self, folder: str, name: str, energy_uj: object = 0) -> None:
        path = self.root / folder
        path.mkdir()
        (path / 'name').write_text(f'{name}\n')
        (path / 'max_energy_range_uj').write_text(f'{RANGE_UJ}\n')
        self.set(folder, energy_uj)

    def set(self, folder: str, energy_uj: object) -> None:
        (self.root / folder / 'energy_uj').write_text(f'{energy_uj}\n')


class FakeMachine:
    """A fake machine with its own clock, which advances while it sleeps or works."""

    def __init__(self, tree: Powercap) -> None:
        self.tree, self.now_s, self.energy_j = tree, 0.0, 0.0
        tree.zone('intel-rapl:0', 'package-0')

    def run(self, seconds: float, power_w: float) -> None:
        self.now_s += seconds
        self.energy_j += seconds * power_w
        self.tree.set('intel-rapl:0', round(self.energy_j * 1e6))

    def clock(self) -> float:
        return self.now_s


@pytest.fixture
def tree(tmp_path: Path) -> Powercap:
    return Powercap(tmp_path)


@pytest.fixture
def machine(tree: Powercap) -> FakeMachine:
    return FakeMachine(tree)


def test_energy_starts_at_zero(tree: Powercap) -> None:
    tree.zone('intel-rapl:0', 'package-0', 5_000_000)
    meter = EnergyMeter(tree.root)
    tree.set('intel-rapl:0', 7_500_000)
    assert meter.read_j() == pytest.approx(2.5)


def test_the_energies_of_all_packages_are_added(tree: Powercap) -> None:
    tree.zone('intel-rapl:0', 'package-0')
    tree.zone('intel-rapl:1', 'package-1')
    meter = EnergyMeter(tree.root)
    tree.set('intel-rapl:0', 1_000_000)
    tree.set('intel-rapl:1', 2_000_000)
    assert meter.read_j() == pytest.approx(3.0)


@pytest.mark.parametrize(
    ('folder', 'name'),
    [
        ('intel-rapl:0:0', 'core'),
        ('intel-rapl:0:1', 'dram'),
        ('intel-rapl:2', 'psys'),
        ('intel-rapl-mmio:0', 'package-0'),
    ],
)
def test_parts_and_duplicates_of_a_package_are_ignored(
    tree: Powercap, folder: str, name: str
) -> None:
    tree.zone('intel-rapl:0', 'package-0')
    tree.zone(folder, name)
    meter = EnergyMeter(tree.root)
    tree.set('intel-rapl:0', 1_000_000)
    tree.set(folder, 4_000_000)
    assert meter.read_j() == pytest.approx(1.0)


def test_no_energy_is_lost_when_a_counter_wraps_around(tree: Powercap) -> None:
    tree.zone('intel-rapl:0', 'package-0', RANGE_UJ - 2_000_000)
    meter = EnergyMeter(tree.root)
    for energy_uj, total_j in ((1_000_000, 3.0), (4_000_000, 6.0), (500_000, 1002.5)):
        tree.set('intel-rapl:0', energy_uj)
        assert meter.read_j() == pytest.approx(total_j)


def test_a_missing_tree_is_reported(tmp_path: Path) -> None:
    with pytest.raises(EnergyUnavailable, match=r'none cannot be listed: No such file'):
        EnergyMeter(tmp_path / 'none')


def test_a_tree_without_a_package_is_reported(tree: Powercap) -> None:
    tree.zone('intel-rapl:0', 'psys')
    with pytest.raises(EnergyUnavailable, match='has no zone of a CPU package'):
        EnergyMeter(tree.root)


def test_a_counter_without_permission_is_reported_with_the_remedy(
    tree: Powercap, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.zone('intel-rapl:0', 'package-0')
    read_text = Path.read_text

    def refuse(file: Path) -> str:  # permissions do not apply to root, who may run the tests
        if file.name == 'energy_uj':
            raise PermissionError(13, 'Permission denied')
        return read_text(file)

    monkeypatch.setattr(Path, 'read_text', refuse)
    with pytest.raises(EnergyUnavailable, match=r'Permission denied; .*chmod a\+r .*energy_uj'):
        EnergyMeter(tree.root)


def test_a_counter_without_a_number_is_named(tree: Powercap) -> None:
    tree.zone('intel-rapl:0', 'package-0', 'many')
    with pytest.raises(EnergyUnavailable, match=r"energy_uj is 'many"):
        EnergyMeter(tree.root)


def test_a_counter_that_disappears_is_named(tree: Powercap) -> None:
    tree.zone('intel-rapl:0', 'package-0')
    meter = EnergyMeter(tree.root)
    (tree.root / 'intel-rapl:0' / 'energy_uj').unlink()
    with pytest.raises(EnergyUnavailable, match='energy_uj cannot be read'):
        meter.read_j()


def test_idle_power_is_energy_over_elapsed_time(machine: FakeMachine) -> None:
    def sleep(seconds: float) -> None:
        machine.run(seconds + 0.25, 4.0)  # sleeping takes longer than requested

    power_w = idle_power_w(EnergyMeter(machine.tree.root), clock=machine.clock, sleep=sleep)
    assert power_w == pytest.approx(4.0)


@pytest.mark.parametrize('frame_s', [0.01, 0.2, 3.0])
def test_the_energy_of_a_frame_is_above_idle(machine: FakeMachine, frame_s: float) -> None:
    energy_j = energy_above_idle_j(
        EnergyMeter(machine.tree.root),
        lambda: machine.run(frame_s, 10.0),
        idle_w=4.0,
        clock=machine.clock,
    )
    assert energy_j == pytest.approx(frame_s * 6.0)


def test_frames_are_repeated_for_the_duration(machine: FakeMachine) -> None:
    energy_above_idle_j(
        EnergyMeter(machine.tree.root),
        lambda: machine.run(0.2, 10.0),
        idle_w=4.0,
        seconds=0.5,
        clock=machine.clock,
    )
    assert machine.now_s == pytest.approx(0.6)


def test_an_energy_that_is_not_above_idle_is_unknown(machine: FakeMachine) -> None:
    energy_j = energy_above_idle_j(
        EnergyMeter(machine.tree.root),
        lambda: machine.run(0.1, 4.0),
        idle_w=5.0,
        clock=machine.clock,
    )
    assert math.isnan(energy_j)
