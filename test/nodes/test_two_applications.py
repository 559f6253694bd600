# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Two perception nodes on one simulated processor slow each other down, or take turns.

The tests compare the latencies that the nodes report, which come from the platform model and do not
depend on the speed of this machine.
"""

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
messages = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

MIN_HZ = 114750000.0  # frames take so long that the GPU is hardly ever idle
PLATFORM = {'platform': 'jetson_xavier_nx', 'processor': 'gpu', 'subnet': 'small', 'jitter': 0.0}


class TwoNodes:
    """Two perception nodes that receive the same images; the GPU has its lowest frequency."""

    def __init__(self, start_perception, photograph, *, contention):
        self._start, self._photograph = start_perception, photograph
        self.front = start_perception(name='front', **PLATFORM).connect()
        domain = messages.DomainState(
            name='gpu', processors=['gpu'], contention=[contention], frequency_hz=MIN_HZ
        )
        self._state = messages.PlatformState(simulated=True, domains=[domain])
        self.alone_s = next(
            each.latency_s
            for each in self.front.profile.points
            if (each.subnet_id, each.processor, each.frequency_hz) == ('small', 'gpu', MIN_HZ)
        )

    def start_rear(self):
        self.rear = self._start(namespace=self.front.namespace, name='rear', **PLATFORM)

    def reports(self, app):
        return [each for each in self.front.received['frame_report'] if each.app == app]

    def wait_for(self, app, expected, what):
        """Publish the platform's state and images until a report of an application is expected."""

        def arrived():
            self.front.publish('platform_state', self._state)
            self.front.publish_image(self.front.image(self._photograph))
            return any(map(expected, self.reports(app)[-1:]))

        self.front.wait_for(arrived, what)

    def takes(self, duration_s):
        return lambda report: report.inference_s == pytest.approx(duration_s)


def test_two_applications_slow_each_other_down_while_both_run(start_perception, photograph):
    nodes = TwoNodes(start_perception, photograph, contention=0.8)
    nodes.wait_for('front', nodes.takes(nodes.alone_s), 'front, alone')
    nodes.start_rear()
    for app in ('front', 'rear'):
        nodes.wait_for(
            app, lambda each: each.inference_s > 1.5 * nodes.alone_s, f'{app}, slowed down'
        )
    # The description has a contention of 1: a co-runner that is always busy doubles the time.
    for app in ('front', 'rear'):
        assert nodes.reports(app)[-1].inference_s <= 2.0 * nodes.alone_s + 1e-9

    nodes.rear.process.kill()
    nodes.wait_for('front', nodes.takes(nodes.alone_s), 'front, alone again')


def test_two_applications_take_turns_where_the_contention_is_high(start_perception, photograph):
    nodes = TwoNodes(start_perception, photograph, contention=1.0)
    nodes.wait_for('front', nodes.takes(nodes.alone_s), 'front, alone')
    nodes.start_rear()
    nodes.wait_for('rear', nodes.takes(nodes.alone_s), 'rear')
    for app in ('front', 'rear'):
        nodes.wait_for(
            app, lambda each: each.queue_s > 0.5 * nodes.alone_s, f'{app}, waiting for its turn'
        )
        nodes.wait_for(app, nodes.takes(nodes.alone_s), f'{app}, not slowed down')

    nodes.rear.process.kill()  # perhaps while it has the turn
    count = len(nodes.reports('front'))
    nodes.wait_for(
        'front',
        lambda each: nodes.takes(nodes.alone_s)(each) and len(nodes.reports('front')) > count + 3,
        'front, alone again',
    )
