# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""For any input, the ledger attributes no energy twice, raises nothing, and returns every frame."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynofa_ros.platform.device import BATTERY, RAIL, RAPL, PowerSample
from dynofa_ros.platform.frame_energy import FrameEnergyLedger, FrameWork

REGULAR = st.tuples(st.just('sample'), st.floats(0.03, 0.07), st.floats(0.1, 1.0), st.just(RAPL))
IRREGULAR = st.tuples(
    st.just('sample'),
    st.sampled_from([0.05, 0.0, 0.001, 0.3, 2.0, 40.0, -0.5]),
    st.sampled_from([0.5, 0.0, -5.0, math.nan, math.inf, 1e300]),
    st.sampled_from([RAPL, RAIL, BATTERY, 'unavailable', 'modelled', '']),
)
FRAMES = st.tuples(
    st.just('frame'),
    st.sampled_from(['a', 'b', 'c']),
    st.floats(1e-5, 0.4),
    st.one_of(st.floats(0.0, 5.0), st.sampled_from([math.nan, math.inf, -1.0, 1e300])),
)
CAMERA = st.tuples(FRAMES, REGULAR, REGULAR).map(list)  # a frame, and time until the next
STEPS = st.tuples(
    st.integers(40, 60).map(lambda count: [('sample', 0.05, 0.3, RAPL)] * count),
    st.lists(st.one_of(*[CAMERA] * 8, IRREGULAR.map(lambda sample: [sample])), max_size=40).map(
        lambda parts: [step for part in parts for step in part]
    ),
    st.lists(REGULAR, min_size=20, max_size=25),
).map(lambda parts: parts[0] + parts[1] + parts[2])


def play(ledger, steps):
    """Apply steps to a ledger; yield the frames that each sample settles."""
    now_s, energy_j, sequences = 100.0, 0.0, Counter()
    for kind, *step in steps:
        if kind == 'frame':
            app, duration_s, modelled_j = step
            sequences[app] += 1
            ledger.add_frame(
                FrameWork(app, sequences[app], 'cpu', 2, now_s - duration_s, now_s, modelled_j)
            )
        else:
            passed_s, drawn_j, source = step
            now_s += passed_s
            energy_j = energy_j + drawn_j if math.isfinite(drawn_j) else energy_j
            counter_j = energy_j if math.isfinite(drawn_j) else drawn_j
            yield ledger.add_sample(PowerSample(now_s, counter_j, source))


@given(STEPS)
@settings(deadline=None, max_examples=100)
def test_energy_is_conserved(steps):
    ledger = FrameEnergyLedger()
    attributed_j = 0.0
    # After a long time without a sensor, all open intervals are settled.
    end = [('sample', 100.0, 0.0, 'unavailable')] * 2
    for settled in play(ledger, steps + end):
        attributed_j += math.fsum(
            each.energy_j for each in settled if each.source.startswith('measured')
        )
        totals = ledger.totals
        parts_j = totals.frames_j + totals.idle_j + totals.unattributed_j + totals.pending_j
        assert parts_j == pytest.approx(totals.measured_j, abs=1e-6)
        assert attributed_j == pytest.approx(totals.frames_j, abs=1e-6)
    assert ledger.totals.pending_j == pytest.approx(0.0, abs=1e-6)


@given(STEPS)
@settings(deadline=None, max_examples=60)
def test_every_frame_is_returned_once(steps):
    added = sum(step[0] == 'frame' for step in steps)
    end = [('sample', 20.0, 1.0, RAPL)] * 3
    returned = [
        (each.frame.app, each.frame.sequence)
        for settled in play(FrameEnergyLedger(), steps + end)
        for each in settled
    ]
    assert len(returned) == len(set(returned)) == added


@given(STEPS)
@settings(deadline=None, max_examples=60)
def test_an_energy_is_nan_exactly_if_it_is_unavailable(steps):
    for settled in play(FrameEnergyLedger(), steps):
        for each in settled:
            assert math.isnan(each.energy_j) == (each.source == 'unavailable')
            if each.source.startswith('measured'):
                assert each.energy_std_j >= each.energy_common_std_j >= 0
                assert 0 <= each.share <= 1
