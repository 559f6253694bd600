# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Small bags in the test's temporary folder."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import bag_files


@pytest.fixture
def write_bag(tmp_path):
    """Return a function that writes a bag of strings, {topic: [(time_ns, text)]}."""

    def write(topics, **options):
        return bag_files.write_bag(tmp_path / 'bag', topics, **options)

    return write


@pytest.fixture
def filler():
    """Text that does not compress, long enough to fill an MCAP chunk."""
    letters = np.random.default_rng(0).integers(32, 126, 1_100_000, dtype=np.uint8)
    return letters.tobytes().decode('ascii')
