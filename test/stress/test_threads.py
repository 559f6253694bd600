# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def test_no_frame_and_no_command_is_lost_between_the_threads():
    from thread_stress import run

    outcome = run(5.0, seed=1)
    assert outcome.problems == []
    assert outcome.frames_classified > 0
    assert outcome.switches > 0
    assert outcome.frames_of_others > 0
    assert outcome.compilations > 12  # evicted, and compiled again
