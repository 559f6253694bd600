# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from dynofa_ros.report.recording import Recording
from dynofa_ros.report.summary import summarise
from dynofa_ros.report.summary_text import summary_text


@pytest.fixture
def text_of(phases):
    return lambda recording: summary_text(summarise(recording, phases), duration_s=2.0)


def test_the_paragraph_states_the_totals_and_the_energy_with_its_source(recording, text_of):
    text = text_of(recording)
    assert '7 frames arrived on nx (simulated)' in text
    assert '4 were classified, 2 dropped and 1 refused' in text
    assert 'switched the sub-network 1 time,' in text
    assert '1 frame (25.0%) missed' in text
    assert 'used 2.5 J above idle (modelled; known for 3 of 4 frames).' in text
    assert 'from 50% to 40%' in text


def test_each_phase_has_a_sentence(recording, text_of):
    assert (
        'First: with a deadline of 40 ms, mostly small ran on the gpu, 30 ms per frame'
        in text_of(recording)
    )


def test_the_escalated_share_of_a_cascade_is_stated(cascading, text_of):
    assert (
        'mostly small+large@0.5 ran on the gpu, 30 ms per frame, 50% of its frames escalated, '
        '0.50 J, expected accuracy 60.0%' in text_of(cascading)
    )


def test_an_unknown_accuracy_is_said(cascading, text_of):
    cascading.frames = [replace(frame, accuracy=float('nan')) for frame in cascading.frames]
    assert 'expected accuracy unknown.' in text_of(cascading)


def test_a_run_without_frames_has_a_text(text_of):
    assert '0 frames arrived' in text_of(Recording())


def test_measured_energy_is_stated_with_its_error(recording, text_of):
    recording.frames = [
        replace(
            frame,
            energy_j=2.0,
            energy_std_j=0.3,
            energy_common_std_j=0.0,
            energy_source='measured_rapl',
        )
        for frame in recording.frames
    ]
    text = text_of(recording)
    assert 'used 8.0 ± 0.6 J above idle (measured_rapl).' in text
    assert '30 ms per frame, 2.00 ± 0.21 J' in text
