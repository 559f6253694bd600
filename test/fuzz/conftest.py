# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The package `fuzzing`, and the inputs of a normal test run."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(scope='session')
def target():
    """Yield a function that makes a target, once for all tests: some start a node."""
    pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')
    import torch
    from fuzzing.registry import make_target
    from fuzzing.scratch import scratch_folder
    from fuzzing.target import check_all

    torch.set_num_threads(1)
    made = {}

    def make(name):
        if name not in made:
            made[name] = make_target(name)
            check_all(made[name], made[name].seeds)
        return made[name]

    with scratch_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, 'tempdir', str(folder))
        yield make
        if (module := sys.modules.get('fuzzing.node_messages')) is not None:
            module.shut_down()
