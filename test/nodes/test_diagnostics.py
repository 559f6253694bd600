import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from dynofa_ros.nodes.diagnostics import Diagnostics, Refusals
from dynofa_ros.nodes.qos import qos_profile


class Time:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def node():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('watched', namespace='robot', context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def diagnostics(node, time):
    return Diagnostics(node, 'board', clock=time)


def values(status):
    return {each.key: each.value for each in status.values}


def test_it_says_whose_status_it_is(diagnostics):
    status = diagnostics.status()
    assert (status.name, status.hardware_id) == ('/robot/watched', 'board')


@pytest.mark.parametrize(
    ('say', 'level'),
    [
        ('ok', DiagnosticStatus.OK),
        ('warn', DiagnosticStatus.WARN),
        ('error', DiagnosticStatus.ERROR),
    ],
)
def test_it_tells_what_the_node_says_of_itself(diagnostics, say, level):
    getattr(diagnostics, say)('all of it')
    status = diagnostics.status()
    assert (status.level, status.message) == (level, 'all of it')


def test_values_are_shown(diagnostics):
    diagnostics.set('frames', 12)
    assert values(diagnostics.status()) == {'frames': '12'}


def test_refused_inputs_are_counted_by_name(diagnostics):
    for detail in ('first', 'second'):
        diagnostics.count('deadline', detail)
    diagnostics.count('battery', 'third')
    assert values(diagnostics.status()) == {'refused: deadline': '2', 'refused: battery': '1'}


def test_a_refusal_warns_for_ten_seconds_and_says_what(diagnostics, time):
    diagnostics.ok('running')
    diagnostics.count('deadline', 'deadline_s is nan; expected above 0')
    status = diagnostics.status()
    assert status.level == DiagnosticStatus.WARN
    assert status.message == 'running; refused: deadline_s is nan; expected above 0'
    time.now_s = 10.0
    assert diagnostics.status().level == DiagnosticStatus.OK


def test_a_refusal_does_not_hide_an_error(diagnostics):
    diagnostics.error('no camera')
    diagnostics.count('deadline', 'wrong')
    assert diagnostics.status().level == DiagnosticStatus.ERROR


def test_the_counter_stays_after_the_warning_is_over(diagnostics, time):
    diagnostics.count('deadline', 'wrong')
    time.now_s = 100.0
    assert values(diagnostics.status()) == {'refused: deadline': '1'}


def test_a_flood_of_refusals_is_logged_once_a_second_and_name(time):
    refusals, due = Refusals(clock=time), []
    for name, now_s in (('a', 0.0), ('a', 0.5), ('b', 0.6), ('a', 1.0)):
        time.now_s = now_s
        due.append(refusals.add(name, 'wrong'))
    assert due == [True, False, True, True]
    assert refusals.counts() == {'a': 3, 'b': 1}


def test_it_is_published_on_diagnostics(diagnostics, node):
    heard = []
    profile = qos_profile('/diagnostics')
    node.create_subscription(DiagnosticArray, '/diagnostics', heard.append, profile)
    diagnostics.ok('running')
    executor = rclpy.executors.SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    for _ in range(200):
        if heard:
            break
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    assert heard[0].status[0].message == 'running'
    assert heard[0].header.stamp.sec > 0
