# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The bag player as its own process, received over DDS."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import bag_files
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.rosbag2 import CompressionMode
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from dynofa_ros.bags.image_writer import ImageBagWriter
from dynofa_ros.nodes.bag_player.publishers import message_type

SHARED = Path(__file__).parents[4] / 'shared' / 'data' / 'bags'
TOPIC = '/camera/image_raw'
START_NS = 1_000 * 10**9
PERIOD_NS = 20_000_000
COUNT = 15
RELIABLE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
TIMEOUT_S = 60.0  # generous, for a busy machine


class Subscriber:
    """Collects messages in this process, in order."""

    def __init__(self, context):
        self._node = rclpy.create_node('subscriber', context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    def subscribe(self, topic, message_class, qos=RELIABLE):
        received = queue.Queue()
        self._node.create_subscription(message_class, topic, received.put, qos)
        return received

    def publishers(self, topic):
        return self._node.get_publishers_info_by_topic(topic)

    def close(self):
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()


@pytest.fixture
def domain(monkeypatch):
    # One domain per test process, so that runs on the same machine do not interfere.
    value = os.environ.get('ROS_DOMAIN_ID') or str(os.getpid() % 100 + 1)
    monkeypatch.setenv('ROS_DOMAIN_ID', value)
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


@pytest.fixture
def subscriber(domain, context):
    subscriber = Subscriber(context)
    yield subscriber
    subscriber.close()


@pytest.fixture
def start(domain):
    started = []

    def start(*arguments):
        command = [sys.executable, '-m', 'dynofa_ros.nodes.bag_player.node', *map(str, arguments)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def play(start):
    def play(*arguments):
        process = start(*arguments)
        out, err = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, out, err

    return play


def picture(index):
    return np.full((24, 32, 3), 10 * index, np.uint8)


@pytest.fixture
def bag(tmp_path):
    with ImageBagWriter(tmp_path / 'camera', topic=TOPIC, frame_id='eye') as writer:
        for index in range(COUNT):
            writer.write(picture(index), stamp_ns=START_NS + index * PERIOD_NS)
    return tmp_path / 'camera'


def take(received, count):
    return [received.get(timeout=TIMEOUT_S) for _ in range(count)]


def stamps_ns(messages):
    return [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in messages]


WAIT = ('--wait-for-subscribers', TIMEOUT_S)


def test_every_image_arrives_as_it_was_recorded(subscriber, play, bag):
    received = subscriber.subscribe(TOPIC, Image)
    code, out, err = play(bag, *WAIT)
    assert (code, '[bag_player]: no subscriber' in err) == (0, False)
    assert f'played {COUNT} messages' in out
    assert f'{TOPIC} (sensor_msgs/msg/Image): {COUNT}' in out
    images = take(received, COUNT)
    assert stamps_ns(images) == [START_NS + i * PERIOD_NS for i in range(COUNT)]
    assert [image.data.tobytes() for image in images] == [
        picture(i).tobytes() for i in range(COUNT)
    ]
    assert {image.header.frame_id for image in images} == {'eye'}


def test_a_best_effort_subscriber_receives_unchanged_images(subscriber, play, bag):
    """On a busy machine some may be lost."""
    received = subscriber.subscribe(TOPIC, Image, BEST_EFFORT)
    code, _, _ = play(bag, *WAIT)
    assert code == 0
    images = take(received, 1)
    with contextlib.suppress(queue.Empty):
        while True:
            images.append(received.get(timeout=1.0))
    numbers = [(stamp_ns - START_NS) // PERIOD_NS for stamp_ns in stamps_ns(images)]
    assert numbers == sorted(set(numbers))
    assert [image.data.tobytes() for image in images] == [
        picture(number).tobytes() for number in numbers
    ]


def test_compressed_images_arrive_under_a_new_name(subscriber, play, tmp_path):
    with ImageBagWriter(tmp_path / 'bag', topic=TOPIC, frame_id='eye', jpeg=True) as writer:
        writer.write(picture(3), stamp_ns=START_NS)
    received = subscriber.subscribe('/image/compressed', CompressedImage)
    code, _, _ = play(tmp_path / 'bag', *WAIT, '--remap', f'{TOPIC}:=/image/compressed')
    assert code == 0
    assert take(received, 1)[0].data.tobytes().startswith(b'\xff\xd8')


def test_remapping_by_ros_arguments_works_too(subscriber, play, bag):
    received = subscriber.subscribe('/image', Image)
    code, _, _ = play(bag, *WAIT, '--ros-args', '-r', f'{TOPIC}:=/image')
    assert (code, len(take(received, COUNT))) == (0, COUNT)


def test_restamped_images_have_the_publishing_time(subscriber, play, bag):
    received = subscriber.subscribe(TOPIC, Image)
    before_ns = time.time_ns()
    play(bag, *WAIT, '--restamp', '--rate', '5')
    stamps = stamps_ns(take(received, COUNT))
    assert stamps == sorted(stamps)
    assert before_ns < stamps[0] <= stamps[-1] < time.time_ns()


def test_with_a_clock_restamped_images_have_the_bag_time(subscriber, play, bag):
    received = subscriber.subscribe(TOPIC, Image)
    play(bag, *WAIT, '--restamp', '--clock')
    stamps = stamps_ns(take(received, COUNT))
    assert all(stamp >= START_NS + i * PERIOD_NS for i, stamp in enumerate(stamps))
    assert stamps[-1] < START_NS + TIMEOUT_S * 10**9


def test_a_start_offset_skips_earlier_messages(subscriber, play, bag):
    received = subscriber.subscribe(TOPIC, Image)
    play(bag, *WAIT, '--start-offset', 10 * PERIOD_NS / 1e9)
    assert stamps_ns(take(received, 5)) == [START_NS + i * PERIOD_NS for i in range(10, COUNT)]
    assert received.empty()


def test_in_a_loop_clock_and_stamps_keep_increasing(subscriber, start, bag):
    images, clock = subscriber.subscribe(TOPIC, Image), subscriber.subscribe('/clock', Clock)
    player = start(bag, *WAIT, '--loop', '--clock', '200')
    stamps = stamps_ns(take(images, 2 * COUNT + 3))
    player.send_signal(signal.SIGINT)
    out, _ = player.communicate(timeout=TIMEOUT_S)
    assert stamps == [START_NS + i * PERIOD_NS for i in range(2 * COUNT + 3)]
    assert 'passes' in out
    times = [m.clock.sec * 10**9 + m.clock.nanosec for m in take(clock, clock.qsize())]
    assert times == sorted(times)
    assert START_NS <= times[0] < times[-1]
    assert times[-1] > START_NS + COUNT * PERIOD_NS


def test_without_a_clock_a_loop_repeats_messages_unchanged(subscriber, start, bag):
    images = subscriber.subscribe(TOPIC, Image)
    start(bag, *WAIT, '--loop', '--rate', '4')
    stamps = stamps_ns(take(images, 2 * COUNT))
    assert stamps[:COUNT] == stamps[COUNT:]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_it_stops_quietly_on_a_signal(subscriber, start, bag, number):
    received = subscriber.subscribe(TOPIC, Image)
    player = start(bag, *WAIT, '--loop')
    take(received, 3)
    player.send_signal(number)
    out, err = player.communicate(timeout=TIMEOUT_S)
    assert player.returncode == 0
    assert 'Traceback' not in err
    assert out.startswith('played ')


def test_it_stops_quietly_while_waiting_for_subscribers(start, bag):
    player = start(bag, *WAIT)
    while 'waiting' not in player.stderr.readline():
        assert player.poll() is None
    player.send_signal(signal.SIGTERM)
    out, err = player.communicate(timeout=TIMEOUT_S)
    assert (player.returncode, 'Traceback' in err) == (0, False)
    assert out.startswith('played 0 messages')


def test_without_a_subscriber_it_warns_and_plays(play, bag):
    code, out, err = play(bag, '--wait-for-subscribers', '0.2')
    assert (code, f'no subscriber after 0.2 s: {TOPIC}' in err) == (0, True)
    assert f'played {COUNT} messages' in out


def test_it_waits_only_for_the_images_that_are_named(subscriber, play, bag):
    received = subscriber.subscribe('/front', Image)
    code, _, err = play(bag, *WAIT, '--wait-for-images', 'front', '--remap', f'{TOPIC}:=/front')
    assert (code, 'no subscriber' in err) == (0, False)
    take(received, COUNT)


def test_a_mistyped_image_topic_is_named_at_once(play, bag):
    code, _, err = play(bag, *WAIT, '--wait-for-images', '/camera/imgae')
    reason = f"image topic is '/camera/imgae'; expected one that is played: {TOPIC}"
    assert (code, reason in err, 'waiting' in err) == (2, True, False)


def test_the_home_folder_is_known(play, bag, monkeypatch):
    monkeypatch.setenv('HOME', str(bag.parent))
    assert play(f'~/{bag.name}')[0] == 0


def write_strings(path, *, count=3, qos=(), **options):
    texts = {'/text': [(START_NS + index, f'text {index}') for index in range(count)]}
    return bag_files.write_bag(path, texts if count else {}, offered={'/text': qos}, **options)


def test_the_recorded_qos_is_offered(subscriber, start, tmp_path):
    recorded = bag_files.qos(reliable=False, transient_local=True, depth=1)
    start(write_strings(tmp_path / 'bag', qos=[recorded]), '--loop')
    end_s = time.monotonic() + TIMEOUT_S
    while not (found := subscriber.publishers('/text')):
        assert time.monotonic() < end_s, 'the player does not publish'
        time.sleep(0.05)
    assert found[0].qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert found[0].qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL


def test_topics_of_unknown_types_are_skipped_with_a_warning(play, tmp_path):
    code, out, err = play(write_strings(tmp_path / 'bag', unknown_at_ns=START_NS))
    assert (code, out.startswith('played 3 messages')) == (0, True)
    assert "skipped /thing: message type 'nowhere_msgs/msg/Thing' is not installed" in err


def test_a_type_that_is_no_installed_message_runs_no_code(play, tmp_path, monkeypatch):
    for package in ('evil', 'std_msgs_evil'):
        for file in ('__init__.py', 'payload.py', 'msg/__init__.py'):
            path = tmp_path / package / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'open({str(tmp_path / "ran")!r}, "w")\nclass X: pass\n')
    monkeypatch.chdir(tmp_path)
    path = write_strings(tmp_path / 'bag', unknown_at_ns=START_NS)
    file = path / 'bag.mcap'
    original = file.read_bytes()
    for name in (b'evil/payload/X', b'evil/msg/X', b'std_msgs_evil/msg/X', b'std_msgs/../evil/X'):
        stuffed = name.ljust(len('nowhere_msgs/msg/Thing'), b'X')
        file.write_bytes(original.replace(b'nowhere_msgs/msg/Thing', stuffed))
        code, out, err = play('bag')
        assert (code, out.startswith('played 3 messages')) == (0, True), err
        assert 'skipped /thing: message type' in err
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize(
    'name', ['package', 'std_msgs/String', 'std_msgs/srv/String', 'std_msgs/msg/string', 'a//X', '']
)
def test_only_package_msg_name_is_a_message_type(name):
    with pytest.raises(ValueError, match='expected package/msg/Name'):
        message_type(name)


def test_an_installed_message_type_is_found():
    assert message_type('sensor_msgs/msg/Image') is Image


@pytest.mark.parametrize('topic', ['/bad-name', '/a//b', '/1st', '/' + 'x' * 400, '/a b'])
def test_a_topic_with_an_invalid_name_is_skipped_and_named(play, tmp_path, topic):
    text = [(START_NS, 'hello')]
    code, out, err = play(bag_files.write_bag(tmp_path / 'bag', {topic: text, '/text': text}))
    assert (code, out.startswith('played 1 messages')) == (0, True), err
    assert f'skipped {topic[:200]}: ' in err


def test_a_topic_with_an_absurd_qos_is_skipped_and_named(play, tmp_path):
    offered = {'/deep': [bag_files.qos(depth=2**40)]}
    text = [(START_NS, 'hello')]
    path = bag_files.write_bag(tmp_path / 'bag', {'/deep': text, '/text': text}, offered=offered)
    code, out, err = play(path)
    assert (code, out.startswith('played 1 messages')) == (0, True), err
    assert 'skipped /deep: its recorded QoS is invalid: depth is 1099511627776' in err


def test_a_bag_without_playable_topics_is_an_error(play, tmp_path):
    code, _, err = play(write_strings(tmp_path / 'bag', unknown_at_ns=START_NS, count=0))
    assert code == 1
    assert 'has no playable topic; it has: /thing (nowhere_msgs/msg/Thing, 1)' in err


def test_a_damaged_message_is_skipped_with_a_warning(play, tmp_path):
    path = write_strings(tmp_path / 'bag', compression=CompressionMode.MESSAGE)
    file = path / 'bag.mcap'
    data = file.read_bytes()
    second = data.index(b'\x28\xb5\x2f\xfd', data.index(b'\x28\xb5\x2f\xfd') + 1) + 4
    file.write_bytes(data[:second] + b'\xff' * 8 + data[second + 8 :])
    code, out, err = play(path)
    assert (code, out.startswith('played 2 messages')) == (0, True)
    assert '1 damaged' in out
    assert f'message on /text at {START_NS + 1} ns is damaged' in err


def test_a_missing_bag_exits_with_1(play, tmp_path):
    code, _, err = play(tmp_path / 'nowhere')
    assert code == 1
    assert err == f"bag_player: error: bag '{tmp_path / 'nowhere'}' does not exist\n"


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('--topics', '/imu'), f"topic is '/imu'; expected one of the bag: {TOPIC}"),
        (('--remap', '/imu:=/x'), f"from '/imu'; expected a played topic: {TOPIC}"),
        (('--rate', '0'), '--rate is 0.0; expected a finite number above 0'),
        (('--start-offset', '9'), '--start-offset is 9.0; expected up to 0.280 s'),
    ],
)
def test_a_wrong_option_exits_with_2(play, bag, arguments, message):
    code, _, err = play(bag, *arguments)
    assert (code, message in err.splitlines()[-1]) == (2, True)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f'{SHARED} is missing')
@pytest.mark.parametrize(
    ('name', 'least'),
    [
        ('amber_soccer_goal_12.mcap', 2),
        ('geocam_test_bags/test_bag_mcap', 184),
        ('geocam_test_bags/test_bag_sqlite3', 184),
    ],
)
def test_bags_of_other_robots_play(play, name, least):
    code, out, _ = play(SHARED / name, '--rate', '50')
    assert code == 0
    assert int(out.split()[1]) >= least
    assert '0 damaged' in out


@pytest.mark.skipif(not SHARED.is_dir(), reason=f'{SHARED} is missing')
def test_images_of_a_real_robot_arrive(subscriber, play):
    received = subscriber.subscribe(TOPIC, Image)
    play(SHARED / 'amber_soccer_goal_12.mcap', *WAIT)
    first, second = take(received, 2)
    assert (first.width, first.height, first.encoding) == (640, 480, 'rgb8')
    assert first.data != second.data
