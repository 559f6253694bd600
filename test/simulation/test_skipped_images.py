# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Images that are dropped are counted between the two frames that they lie between."""

import itertools

from pytest import approx

from dynofa_ros.runtime.estimation.frame_rate import CameraPeriod
from dynofa_ros.simulation.policies.policy import Policy
from dynofa_ros.simulation.scenario import Burst

BURST = Burst(1.0, 3.0, 0.008)


class Recording(Policy):
    """Runs the large network, 25 ms a frame, and keeps the frames."""

    def __init__(self):
        self.frames = []

    def joined(self, application):
        application.switch(('large', 'modelled', 'gpu', 1))

    def finished(self, frame):
        self.frames.append(frame)


def recorded(sim, **changes):
    policy = Recording()
    sim(lambda setup: policy, sim.app(**changes), duration_s=4.0)
    return policy.frames


def test_an_image_dropped_while_a_frame_runs_lies_after_it(sim):
    frames = recorded(sim, period_s=0.01)
    # The frame of 0 ms ends at 25 ms, when the image of 20 ms has replaced that of 10 ms.
    assert [each.arrived_s for each in frames[:2]] == approx([0.0, 0.02])
    assert [each.dropped for each in frames[:2]] == [0, 1]


def test_the_period_of_the_camera_is_right_in_a_burst(sim):
    period = CameraPeriod()
    estimates_s = []
    for before, after in itertools.pairwise(recorded(sim, period_s=0.1, bursts=(BURST,))):
        period.observe((after.arrived_s - before.arrived_s) / (1 + after.dropped))
        if 1.1 < after.arrived_s < 2.9:
            estimates_s.append(period.mean_s)
    assert estimates_s == approx([0.008] * len(estimates_s))
