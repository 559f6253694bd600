from pathlib import Path

import pytest
from rosbags.rosbag2 import CompressionMode, StoragePlugin
from rosbags.typesys import Stores, get_typestore

from dynofa_ros.bags.reader import Bag, BagError
from dynofa_ros.bags.topics import OfferedQos

STORE = get_typestore(Stores.ROS2_JAZZY)
STRING = 'std_msgs/msg/String'
SHARED = Path(__file__).parents[3] / 'shared' / 'data' / 'bags'
TWO_TOPICS = {'/a': [(10, 'first'), (30, 'third')], '/b': [(20, 'second')]}


def fail(what):
    raise AssertionError(f'unexpected damage: {what}')


def texts(bag, **options):
    options.setdefault('on_damage', fail)
    return [STORE.deserialize_cdr(m.data, STRING).data[:9] for m in bag.messages(**options)]


STORAGES = [
    (StoragePlugin.MCAP, CompressionMode.NONE),
    (StoragePlugin.MCAP, CompressionMode.STORAGE),
    (StoragePlugin.MCAP, CompressionMode.MESSAGE),
    (StoragePlugin.MCAP, CompressionMode.FILE),
    (StoragePlugin.SQLITE3, CompressionMode.NONE),
    (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    (StoragePlugin.SQLITE3, CompressionMode.FILE),
]


@pytest.mark.parametrize(('plugin', 'compression'), STORAGES)
def test_every_storage_gives_the_messages_in_time_order(write_bag, plugin, compression):
    with Bag(write_bag(TWO_TOPICS, plugin=plugin, compression=compression)) as bag:
        assert texts(bag) == ['first', 'second', 'third']
        assert (bag.start_ns, bag.end_ns) == (10, 30)
        assert [(t.name, t.type, t.message_count) for t in bag.topics] == [
            ('/a', STRING, 2),
            ('/b', STRING, 1),
        ]


@pytest.mark.parametrize(('plugin', 'suffix'), [('MCAP', 'mcap'), ('SQLITE3', 'db3')])
@pytest.mark.parametrize('compression', [CompressionMode.NONE, CompressionMode.MESSAGE])
def test_a_single_file_needs_no_metadata(write_bag, plugin, suffix, compression):
    folder = write_bag(TWO_TOPICS, plugin=StoragePlugin[plugin], compression=compression)
    with Bag(folder / f'bag.{suffix}') as bag:
        assert texts(bag) == ['first', 'second', 'third']


def test_topics_and_start_can_be_chosen(write_bag):
    with Bag(write_bag(TWO_TOPICS)) as bag:
        assert texts(bag, topics=[bag.topics[0]], start_ns=11) == ['third']


def test_the_recorded_qos_is_offered_again(write_bag, qos):
    offered = {'/a': [qos(reliable=False)], '/b': [qos(latched=True, depth=1)]}
    with Bag(write_bag(TWO_TOPICS, offered=offered)) as bag:
        assert bag.topics[0].qos == OfferedQos(reliable=False, transient_local=False, depth=7)
        assert bag.topics[1].qos == OfferedQos(reliable=True, transient_local=True, depth=1)


def damage(path, *, at, length=64):
    data = bytearray(path.read_bytes())
    data[at : at + length] = bytes(byte ^ 0xFF for byte in data[at : at + length])
    path.write_bytes(data)


def damage_zstd_frame(path, number):
    """Break the header of one frame: flipped bits further in have no checksum that finds them."""
    at = -1
    for _ in range(number):
        at = path.read_bytes().index(b'\x28\xb5\x2f\xfd', at + 1)
    damage(path, at=at + 4, length=8)


@pytest.mark.parametrize('compression', [CompressionMode.NONE, CompressionMode.STORAGE])
def test_behind_a_damaged_chunk_reading_goes_on(write_bag, filler, compression):
    messages = [(10 * i, f'message {i}' + filler) for i in range(1, 5)]
    path = write_bag({'/a': messages}, compression=compression)
    file = path / 'bag.mcap'
    if compression is CompressionMode.NONE:
        # rosbags writes no checksum of a plain chunk: break the length of the record instead.
        start = file.read_bytes().index(b'message 2') - 4 - 4 - 22 - 8
        damage(file, at=start, length=8)
    else:
        damage_zstd_frame(file, 2)
    damages = []
    with Bag(path) as bag:
        first = texts(bag, on_damage=damages.append)
        assert first == ['message 1', 'message 3', 'message 4']
        assert len(damages) == 1
        assert 'bag.mcap behind 10 ns: a chunk of messages is damaged' in damages[0]
        assert texts(bag) == first


def test_the_only_chunk_damaged_is_one_damage_and_no_messages(write_bag, filler):
    path = write_bag({'/a': [(10, filler)]}, compression=CompressionMode.STORAGE)
    damage_zstd_frame(path / 'bag.mcap', 1)
    damages = []
    with Bag(path) as bag:
        assert texts(bag, on_damage=damages.append) == []
    assert len(damages) == 1


@pytest.mark.parametrize('plugin', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_damaged_compressed_message_is_named_and_left_out(write_bag, plugin):
    messages = [(10, 'message 1'), (20, 'message 2'), (30, 'message 3')]
    path = write_bag({'/a': messages}, plugin=plugin, compression=CompressionMode.MESSAGE)
    file = next(file for file in path.iterdir() if file.suffix != '.yaml')
    damage_zstd_frame(file, 2)
    damages = []
    with Bag(path) as bag:
        assert texts(bag, on_damage=damages.append) == ['message 1', 'message 3']
    assert len(damages) == 1
    assert 'message on /a at 20 ns is damaged' in damages[0]


def test_a_missing_bag_is_named(tmp_path):
    with pytest.raises(BagError, match=r"'.*/nowhere' does not exist"):
        Bag(tmp_path / 'nowhere')


def test_a_folder_that_is_no_bag_says_what_a_bag_is(tmp_path):
    with pytest.raises(BagError, match=r'without metadata.yaml; give a rosbag2 folder, .mcap'):
        Bag(tmp_path)


def test_another_kind_of_file_says_what_a_bag_is(tmp_path):
    (tmp_path / 'notes.txt').write_text('hello')
    with pytest.raises(BagError, match='is not a bag; give a rosbag2 folder'):
        Bag(tmp_path / 'notes.txt')


@pytest.mark.parametrize(('plugin', 'suffix'), [('MCAP', 'mcap'), ('SQLITE3', 'db3')])
@pytest.mark.parametrize('part', [0.0, 0.1, 0.5, 0.9])
def test_a_cut_off_file_is_refused_or_read_and_never_crashes(write_bag, plugin, suffix, part):
    path = write_bag(TWO_TOPICS, plugin=StoragePlugin[plugin]) / f'bag.{suffix}'
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    try:
        with Bag(path) as bag:
            list(bag.messages(on_damage=lambda what: None))
    except BagError as error:
        assert str(path) in str(error)
    else:
        assert plugin == 'SQLITE3'  # the lost pages may be unused ones; MCAP lost its footer


@pytest.mark.parametrize('text', ['', 'rosbag2_bagfile_information: 3', '{', 'a: b'])
def test_damaged_metadata_is_refused(write_bag, text):
    path = write_bag(TWO_TOPICS)
    (path / 'metadata.yaml').write_text(text)
    with pytest.raises(BagError, match='cannot be read'):
        Bag(path)


@pytest.mark.parametrize('plugin', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_an_empty_bag_is_refused(write_bag, plugin):
    with pytest.raises(BagError, match='is empty: it holds no messages'):
        Bag(write_bag({'/a': []}, plugin=plugin))


@pytest.mark.skipif(not SHARED.is_dir(), reason=f'{SHARED} is not there')
@pytest.mark.parametrize(
    ('name', 'topics', 'messages'),
    [
        ('amber_soccer_goal_12.mcap', 1, 2),
        ('geocam_test_bags/test_bag_mcap', 94, 188),
        ('geocam_test_bags/test_bag_sqlite3', 94, 188),
        ('geocam_test_bags/test_bag_mcap/test_bag_mcap.mcap', 94, 188),
        ('geocam_test_bags/test_bag_sqlite3/test_bag_sqlite3.db3', 94, 188),
    ],
)
def test_recordings_of_others_are_read_whole(name, topics, messages):
    with Bag(SHARED / name) as bag:
        assert len(bag.topics) == topics
        assert len(list(bag.messages(on_damage=fail))) == messages


@pytest.mark.skipif(not SHARED.is_dir(), reason=f'{SHARED} is not there')
def test_type_names_without_msg_are_normalised():
    with Bag(SHARED / 'amber_soccer_goal_12.mcap') as bag:
        assert bag.topics[0].type == 'sensor_msgs/msg/Image'
        message = next(bag.messages(on_damage=fail))
    image = STORE.deserialize_cdr(message.data, message.topic.type)
    assert (image.width, image.height, image.encoding) == (640, 480, 'rgb8')
