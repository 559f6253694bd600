"""The player as a user starts it: its own process, heard over DDS."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from dynofa_ros.bags.image_writer import ImageBagWriter

SHARED = Path(__file__).parents[4] / 'shared' / 'data' / 'bags'
TOPIC = '/camera/image_raw'
START_NS = 1_000 * 10**9
PERIOD_NS = 20_000_000
COUNT = 15
RELIABLE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
# How long something that must happen may take on a busy machine before the test gives up.
PATIENCE_S = 60.0


class Ear:
    """Subscribes in this process and collects what arrives, in order."""

    def __init__(self, context):
        self._node = rclpy.create_node('ear', context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    def listen(self, topic, message_class, qos=RELIABLE):
        heard = queue.Queue()
        self._node.create_subscription(message_class, topic, heard.put, qos)
        return heard

    def publishers(self, topic):
        return self._node.get_publishers_info_by_topic(topic)

    def close(self):
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()


@pytest.fixture
def domain(monkeypatch):
    # A domain for each test process: two runs on one machine must not hear each other.
    value = os.environ.get('ROS_DOMAIN_ID') or str(os.getpid() % 100 + 1)
    monkeypatch.setenv('ROS_DOMAIN_ID', value)
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


@pytest.fixture
def ear(domain):
    context = rclpy.Context()
    rclpy.init(context=context)
    ear = Ear(context)
    yield ear
    ear.close()
    rclpy.shutdown(context=context)


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
        out, err = process.communicate(timeout=PATIENCE_S)
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


def drained(heard, count):
    return [heard.get(timeout=PATIENCE_S) for _ in range(count)]


def stamps_ns(messages):
    return [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in messages]


WAIT = ('--wait-for-subscribers', PATIENCE_S)


def test_every_image_arrives_as_it_was_recorded(ear, play, bag):
    heard = ear.listen(TOPIC, Image)
    code, out, err = play(bag, *WAIT)
    assert (code, '[bag_player]: no subscriber' in err) == (0, False)
    assert f'played {COUNT} messages' in out
    assert f'{TOPIC} (sensor_msgs/msg/Image): {COUNT}' in out
    images = drained(heard, COUNT)
    assert stamps_ns(images) == [START_NS + i * PERIOD_NS for i in range(COUNT)]
    assert [image.data.tobytes() for image in images] == [
        picture(i).tobytes() for i in range(COUNT)
    ]
    assert {image.header.frame_id for image in images} == {'eye'}


def test_who_asks_for_best_effort_hears_it_too(ear, play, bag):
    """On a busy machine images may be lost then, but none is another than was recorded."""
    heard = ear.listen(TOPIC, Image, BEST_EFFORT)
    code, _, _ = play(bag, *WAIT)
    assert code == 0
    images = drained(heard, 1)
    with contextlib.suppress(queue.Empty):
        while True:
            images.append(heard.get(timeout=1.0))
    numbers = [(stamp_ns - START_NS) // PERIOD_NS for stamp_ns in stamps_ns(images)]
    assert numbers == sorted(set(numbers))
    assert [image.data.tobytes() for image in images] == [
        picture(number).tobytes() for number in numbers
    ]


def test_compressed_images_arrive_under_a_new_name(ear, play, tmp_path):
    with ImageBagWriter(tmp_path / 'bag', topic=TOPIC, frame_id='eye', jpeg=True) as writer:
        writer.write(picture(3), stamp_ns=START_NS)
    heard = ear.listen('/image/compressed', CompressedImage)
    code, _, _ = play(tmp_path / 'bag', *WAIT, '--remap', f'{TOPIC}:=/image/compressed')
    assert code == 0
    assert drained(heard, 1)[0].data.tobytes().startswith(b'\xff\xd8')


def test_the_remapping_of_ros_arguments_works_too(ear, play, bag):
    heard = ear.listen('/image', Image)
    code, _, _ = play(bag, *WAIT, '--ros-args', '-r', f'{TOPIC}:=/image')
    assert (code, len(drained(heard, COUNT))) == (0, COUNT)


def test_restamped_images_carry_the_time_of_publishing(ear, play, bag):
    heard = ear.listen(TOPIC, Image)
    before_ns = time.time_ns()
    play(bag, *WAIT, '--restamp', '--rate', '5')
    stamps = stamps_ns(drained(heard, COUNT))
    assert stamps == sorted(stamps)
    assert before_ns < stamps[0] <= stamps[-1] < time.time_ns()


def test_restamped_images_of_a_played_clock_carry_the_time_of_the_bag(ear, play, bag):
    heard = ear.listen(TOPIC, Image)
    play(bag, *WAIT, '--restamp', '--clock')
    stamps = stamps_ns(drained(heard, COUNT))
    assert all(stamp >= START_NS + i * PERIOD_NS for i, stamp in enumerate(stamps))
    assert stamps[-1] < START_NS + PATIENCE_S * 10**9


def test_a_start_offset_leaves_out_what_was_before(ear, play, bag):
    heard = ear.listen(TOPIC, Image)
    play(bag, *WAIT, '--start-offset', 10 * PERIOD_NS / 1e9)
    assert stamps_ns(drained(heard, 5)) == [START_NS + i * PERIOD_NS for i in range(10, COUNT)]
    assert heard.empty()


def test_a_loop_goes_on_in_time_for_clock_and_stamps(ear, start, bag):
    images, clock = ear.listen(TOPIC, Image), ear.listen('/clock', Clock)
    player = start(bag, *WAIT, '--loop', '--clock', '200')
    stamps = stamps_ns(drained(images, 2 * COUNT + 3))
    player.send_signal(signal.SIGINT)
    out, _ = player.communicate(timeout=PATIENCE_S)
    assert stamps == [START_NS + i * PERIOD_NS for i in range(2 * COUNT + 3)]
    assert 'passes' in out
    times = [m.clock.sec * 10**9 + m.clock.nanosec for m in drained(clock, clock.qsize())]
    assert times == sorted(times)
    assert START_NS <= times[0] < times[-1]
    assert times[-1] > START_NS + COUNT * PERIOD_NS


def test_a_loop_without_a_clock_repeats_the_messages_unchanged(ear, start, bag):
    images = ear.listen(TOPIC, Image)
    start(bag, *WAIT, '--loop', '--rate', '4')
    stamps = stamps_ns(drained(images, 2 * COUNT))
    assert stamps[:COUNT] == stamps[COUNT:]


@pytest.mark.parametrize('stop', [signal.SIGINT, signal.SIGTERM])
def test_it_stops_quietly_when_told(ear, start, bag, stop):
    heard = ear.listen(TOPIC, Image)
    player = start(bag, *WAIT, '--loop')
    drained(heard, 3)
    player.send_signal(stop)
    out, err = player.communicate(timeout=PATIENCE_S)
    assert player.returncode == 0
    assert 'Traceback' not in err
    assert out.startswith('played ')


def test_it_stops_quietly_while_it_waits_for_subscribers(start, bag):
    player = start(bag, *WAIT)
    while 'waiting' not in player.stderr.readline():
        assert player.poll() is None
    player.send_signal(signal.SIGTERM)
    out, err = player.communicate(timeout=PATIENCE_S)
    assert (player.returncode, 'Traceback' in err) == (0, False)
    assert out.startswith('played 0 messages')


def test_without_a_subscriber_it_says_so_and_plays(play, bag):
    code, out, err = play(bag, '--wait-for-subscribers', '0.2')
    assert (code, f'no subscriber after 0.2 s: {TOPIC}' in err) == (0, True)
    assert f'played {COUNT} messages' in out


STORE = get_typestore(Stores.ROS2_JAZZY)
STRING = 'std_msgs/msg/String'


def write_strings(path, *, count=3, compression=CompressionMode.NONE, qos=(), others=False):
    if others:
        STORE.register(get_types_from_msg('int32 a', 'nowhere_msgs/msg/Thing'))
    writer = Writer(path, version=8, storage_plugin=StoragePlugin.MCAP)
    if compression is not CompressionMode.NONE:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        if others:
            thing = writer.add_connection('/thing', 'nowhere_msgs/msg/Thing', typestore=STORE)
            writer.write(thing, START_NS, b'\0\1\0\0\1\0\0\0')
        connection = count and writer.add_connection(
            '/text', STRING, typestore=STORE, offered_qos_profiles=qos
        )
        for index in range(count):
            data = STORE.serialize_cdr(STORE.types[STRING](data=f'text {index}'), STRING)
            writer.write(connection, START_NS + index, data)
    return path


def test_the_recorded_qos_is_offered(ear, start, tmp_path):
    never = QosTime(0, 0)
    recorded = Qos(
        QosHistory.KEEP_LAST,
        1,
        QosReliability.BEST_EFFORT,
        QosDurability.TRANSIENT_LOCAL,
        never,
        never,
        QosLiveliness.AUTOMATIC,
        never,
        False,
    )
    start(write_strings(tmp_path / 'bag', qos=[recorded]), '--loop')
    end_s = time.monotonic() + PATIENCE_S
    while not (found := ear.publishers('/text')):
        assert time.monotonic() < end_s, 'the player does not appear'
        time.sleep(0.05)
    assert found[0].qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert found[0].qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL


def test_types_that_are_not_installed_are_named_and_the_others_play(play, tmp_path):
    code, out, err = play(write_strings(tmp_path / 'bag', others=True))
    assert (code, out.startswith('played 3 messages')) == (0, True)
    assert "skipped /thing: message type 'nowhere_msgs/msg/Thing' is not installed" in err


def test_nothing_playable_is_an_error_that_lists_the_bag(play, tmp_path):
    code, _, err = play(write_strings(tmp_path / 'bag', others=True, count=0))
    assert code == 1
    assert 'can be played; it has: /thing (nowhere_msgs/msg/Thing, 1)' in err


def test_a_damaged_message_is_named_and_the_others_play(play, tmp_path):
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
    ('arguments', 'words'),
    [
        (('--topics', '/imu'), f"topic '/imu' is not in the bag; it has: {TOPIC}"),
        (('--remap', '/imu:=/x'), f"from '/imu': that topic is not played; there are: {TOPIC}"),
        (('--rate', '0'), '--rate 0.0: allowed is a finite number above 0'),
        (('--start-offset', '9'), '--start-offset 9.0: the bag is 0.280 s long'),
    ],
)
def test_an_option_that_does_not_fit_exits_with_2(play, bag, arguments, words):
    code, _, err = play(bag, *arguments)
    assert (code, words in err.splitlines()[-1]) == (2, True)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f'{SHARED} is not there')
@pytest.mark.parametrize(
    ('name', 'least'),
    [
        ('amber_soccer_goal_12.mcap', 2),
        ('geocam_test_bags/test_bag_mcap', 184),
        ('geocam_test_bags/test_bag_sqlite3', 184),
    ],
)
def test_recordings_of_others_play(play, name, least):
    code, out, _ = play(SHARED / name, '--rate', '50')
    assert code == 0
    assert int(out.split()[1]) >= least
    assert '0 damaged' in out


@pytest.mark.skipif(not SHARED.is_dir(), reason=f'{SHARED} is not there')
def test_the_camera_of_a_real_robot_arrives(ear, play):
    heard = ear.listen(TOPIC, Image)
    play(SHARED / 'amber_soccer_goal_12.mcap', *WAIT)
    first, second = drained(heard, 2)
    assert (first.width, first.height, first.encoding) == (640, 480, 'rgb8')
    assert first.data != second.data
