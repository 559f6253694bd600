# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The load of the other applications on a processor, without those that are gone."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.platform import Occupancy, Platform, PlatformError, load_platform
from dynofa_ros.platform.simulated.occupancy import MEMORY_S, SILENT_PERIODS

JETSON = load_platform('jetson_xavier_nx')
AT_MOST_S = 2.0  # until an application that died no longer counts


@pytest.fixture
def occupancy(machine: Platform, clock: Any) -> Occupancy:
    return Occupancy(machine, clock=clock)


def work(
    occupancy: Occupancy,
    clock: Any,
    app: str,
    *,
    frames: int,
    period_s: float,
    busy_s: float,
    processor: str = 'gpu',
    threads: int = 1,
) -> None:
    """Let an application report frames at a steady pace."""
    for _ in range(frames):
        clock.now_s += period_s
        occupancy.add(app, processor=processor, busy_s=busy_s, threads=threads)


def test_the_initial_load_is_zero(occupancy: Occupancy) -> None:
    assert occupancy.load_of_others('front', 'gpu') == 0


def test_20_ms_of_every_50_ms_are_a_load_of_0_4(occupancy: Occupancy, clock: Any) -> None:
    work(occupancy, clock, 'rear', frames=40, period_s=0.05, busy_s=0.02)
    assert occupancy.load_of_others('front', 'gpu') == pytest.approx(0.4)


def test_two_frames_suffice_for_the_load(occupancy: Occupancy, clock: Any) -> None:
    work(occupancy, clock, 'rear', frames=2, period_s=0.05, busy_s=0.02)
    assert occupancy.load_of_others('front', 'gpu') == pytest.approx(0.4)


def test_an_application_does_not_count_for_itself(occupancy: Occupancy, clock: Any) -> None:
    work(occupancy, clock, 'rear', frames=5, period_s=0.05, busy_s=0.02)
    assert occupancy.load_of_others('rear', 'gpu') == 0


def test_an_application_counts_on_its_own_processor_only(occupancy: Occupancy, clock: Any) -> None:
    work(occupancy, clock, 'rear', frames=5, period_s=0.05, busy_s=0.02)
    assert occupancy.load_of_others('front', 'cpu') == 0


def test_a_change_of_processor_takes_effect_at_once(occupancy: Occupancy, clock: Any) -> None:
    work(occupancy, clock, 'rear', frames=5, period_s=0.05, busy_s=0.02)
    work(occupancy, clock, 'rear', frames=2, period_s=0.05, busy_s=0.05, processor='cpu', threads=4)
    assert occupancy.load_of_others('front', 'gpu') == 0
    assert occupancy.load_of_others('front', 'cpu') == pytest.approx(1.0)


def test_one_thread_of_four_cores_is_a_quarter(occupancy: Occupancy, clock: Any) -> None:
    work(occupancy, clock, 'rear', frames=9, period_s=0.05, busy_s=0.05, processor='cpu')
    assert occupancy.load_of_others('front', 'cpu') == pytest.approx(0.25)


def test_loads_of_several_applications_are_added(occupancy: Occupancy, clock: Any) -> None:
    for _ in range(20):
        clock.now_s += 0.05
        for app, busy_s in (('front', 0.01), ('left', 0.05), ('rear', 0.05)):
            occupancy.add(app, processor='gpu', busy_s=busy_s, threads=1)
    assert occupancy.load_of_others('front', 'gpu') == pytest.approx(2.0)
    assert occupancy.load_of_others('rear', 'gpu') == pytest.approx(1.2)


@pytest.mark.parametrize('period_s', [0.01, 1 / 30, 0.4, 1.0])
def test_an_application_that_died_is_removed(
    occupancy: Occupancy, clock: Any, period_s: float
) -> None:
    work(occupancy, clock, 'rear', frames=20, period_s=period_s, busy_s=0.01)
    assert occupancy.load_of_others('front', 'gpu') > 0
    clock.now_s += AT_MOST_S
    assert occupancy.load_of_others('front', 'gpu') == 0


def test_an_application_with_long_frames_remains_between_reports(
    occupancy: Occupancy, clock: Any
) -> None:
    work(occupancy, clock, 'rear', frames=3, period_s=5.0, busy_s=5.0)
    clock.now_s += 4.9
    assert occupancy.load_of_others('front', 'gpu') == pytest.approx(1.0)
    clock.now_s += SILENT_PERIODS * 5.0
    assert occupancy.load_of_others('front', 'gpu') == 0


def test_a_pause_does_not_reduce_the_load_afterwards(occupancy: Occupancy, clock: Any) -> None:
    work(occupancy, clock, 'rear', frames=20, period_s=0.05, busy_s=0.02)
    clock.now_s += 60.0
    work(occupancy, clock, 'rear', frames=2, period_s=0.05, busy_s=0.02)
    assert occupancy.load_of_others('front', 'gpu') == pytest.approx(0.4)


def test_a_change_of_load_is_complete_after_the_averaging_window(
    occupancy: Occupancy, clock: Any
) -> None:
    work(occupancy, clock, 'rear', frames=40, period_s=0.05, busy_s=0.02)
    frames = math.ceil(MEMORY_S / 0.05) + 1
    work(occupancy, clock, 'rear', frames=frames, period_s=0.05, busy_s=0.04)
    assert occupancy.load_of_others('front', 'gpu') == pytest.approx(0.8)


@pytest.mark.parametrize(
    ('change', 'field'),
    [
        ({'busy_s': -0.1}, 'busy_s'),
        ({'busy_s': math.nan}, 'busy_s'),
        ({'busy_s': math.inf}, 'busy_s'),
        ({'threads': 0}, 'threads'),
        ({'processor': 'npu'}, 'processor'),
    ],
)
def test_an_invalid_report_is_refused_and_changes_nothing(
    occupancy: Occupancy, clock: Any, change: dict[str, Any], field: str
) -> None:
    work(occupancy, clock, 'rear', frames=5, period_s=0.05, busy_s=0.02)
    report: dict[str, Any] = {'processor': 'gpu', 'busy_s': 0.02, 'threads': 1}
    with pytest.raises(PlatformError, match=field):
        occupancy.add('rear', **(report | change))
    assert occupancy.load_of_others('front', 'gpu') == pytest.approx(0.4)


reports = st.tuples(
    st.floats(0, 3),
    st.sampled_from(['front', 'left', 'rear']),
    st.sampled_from(['cpu', 'gpu']),
    st.floats(0, 20),
    st.integers(1, 8),
)


@given(sequence=st.lists(reports, max_size=40))
def test_the_load_of_an_application_is_at_most_the_whole_processor(
    sequence: list[tuple[float, str, str, float, int]],
) -> None:
    now_s = [0.0]
    occupancy = Occupancy(JETSON, clock=lambda: now_s[0])
    for wait_s, app, processor, busy_s, threads in sequence:
        now_s[0] += wait_s
        occupancy.add(app, processor=processor, busy_s=busy_s, threads=threads)
        for name in ('front', 'left', 'rear'):
            loads = [occupancy.load_of_others(name, each) for each in ('cpu', 'gpu')]
            assert min(loads) >= 0
            assert sum(loads) <= 2 + 1e-9
