# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dynofa_ros.report.picture import draw
from dynofa_ros.report.recording import Recording


def test_a_missed_deadline_is_drawn_in_red(recording, phases, colours, tmp_path):
    draw(recording, phases, tmp_path / 'run.png', title='run')
    assert (0x26, 0x26, 0xDC) in colours(tmp_path / 'run.png')  # BGR of #dc2626


def test_an_empty_run_can_be_drawn(phases, tmp_path):
    draw(Recording(), phases, tmp_path / 'folder' / 'run.png', title='run')
    assert (tmp_path / 'folder' / 'run.png').stat().st_size > 0


def test_a_run_of_a_cascade_can_be_drawn(cascading, phases, tmp_path):
    draw(cascading, phases, tmp_path / 'run.png', title='run')
    assert (tmp_path / 'run.png').stat().st_size > 0
