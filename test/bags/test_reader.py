from pathlib import Path

import pytest
from bag_files import STRING, qos, read_bag
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from dynofa_ros.bags.reader import Bag, BagError
from dynofa_ros.bags.topics import OfferedQos

SHARED = Path(__file__).parents[3] / 'shared' / 'data' / 'bags'
TWO_TOPICS = {'/a': [(10, 'first'), (30, 'third')], '/b': [(20, 'second')]}


def texts(bag, **options):
    """Return the first 9 letters of each message, which are before the filler."""
    return [message.data[:9] for _, _, message in read_bag(bag, **options)]


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
def test_messages_of_every_storage_are_in_time_order(write_bag, plugin, compression):
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


def test_topics_and_start_can_be_selected(write_bag):
    with Bag(write_bag(TWO_TOPICS)) as bag:
        assert texts(bag, topics=[bag.topics[0]], start_ns=11) == ['third']


def test_the_recorded_qos_is_offered_again(write_bag):
    offered = {'/a': [qos(reliable=False)], '/b': [qos(transient_local=True, depth=1)]}
    with Bag(write_bag(TWO_TOPICS, offered=offered)) as bag:
        assert bag.topics[0].qos == OfferedQos(reliable=False, transient_local=False, depth=7)
        assert bag.topics[1].qos == OfferedQos(reliable=True, transient_local=True, depth=1)


def damage(path, *, at, length=64):
    data = bytearray(path.read_bytes())
    data[at : at + length] = bytes(byte ^ 0xFF for byte in data[at : at + length])
    path.write_bytes(data)


def damage_zstd_frame(path, number):
    """Damage the header of a frame; no checksum covers the rest of it."""
    at = -1
    for _ in range(number):
        at = path.read_bytes().index(b'\x28\xb5\x2f\xfd', at + 1)
    damage(path, at=at + 4, length=8)


@pytest.mark.parametrize('compression', [CompressionMode.NONE, CompressionMode.STORAGE])
def test_a_damaged_chunk_is_skipped(write_bag, filler, compression):
    messages = [(10 * i, f'message {i}' + filler) for i in range(1, 5)]
    path = write_bag({'/a': messages}, compression=compression)
    file = path / 'bag.mcap'
    if compression is CompressionMode.NONE:
        # rosbags writes no checksum of an uncompressed chunk: damage the record length instead.
        start = file.read_bytes().index(b'message 2') - 4 - 4 - 22 - 8
        damage(file, at=start, length=8)
    else:
        damage_zstd_frame(file, 2)
    damages = []
    with Bag(path) as bag:
        first = texts(bag, on_damage=damages.append)
        assert first == ['message 1', 'message 3', 'message 4']
        assert len(damages) == 1
        assert 'bag.mcap after 10 ns: skipped a damaged chunk of messages' in damages[0]
        assert texts(bag) == first


def test_a_bag_with_only_a_damaged_chunk_has_no_messages(write_bag, filler):
    path = write_bag({'/a': [(10, filler)]}, compression=CompressionMode.STORAGE)
    damage_zstd_frame(path / 'bag.mcap', 1)
    damages = []
    with Bag(path) as bag:
        assert texts(bag, on_damage=damages.append) == []
    assert len(damages) == 1


@pytest.mark.parametrize('plugin', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_damaged_compressed_message_is_reported_and_skipped(write_bag, plugin):
    messages = [(10, 'message 1'), (20, 'message 2'), (30, 'message 3')]
    path = write_bag({'/a': messages}, plugin=plugin, compression=CompressionMode.MESSAGE)
    file = next(file for file in path.iterdir() if file.suffix != '.yaml')
    damage_zstd_frame(file, 2)
    damages = []
    with Bag(path) as bag:
        assert texts(bag, on_damage=damages.append) == ['message 1', 'message 3']
    assert len(damages) == 1
    assert 'message on /a at 20 ns is damaged' in damages[0]


def test_a_missing_bag_is_reported(tmp_path):
    with pytest.raises(BagError, match=r"'.*/nowhere' does not exist"):
        Bag(tmp_path / 'nowhere')


@pytest.mark.parametrize(
    ('name', 'reason'), [('', 'has no metadata.yaml'), ('notes.txt', 'is not a bag')]
)
def test_another_folder_or_file_is_refused(tmp_path, name, reason):
    (tmp_path / 'notes.txt').write_text('hello')
    with pytest.raises(BagError, match=rf'{reason}; expected a rosbag2 folder, .mcap'):
        Bag(tmp_path / name)


@pytest.mark.parametrize(('plugin', 'suffix'), [('MCAP', 'mcap'), ('SQLITE3', 'db3')])
@pytest.mark.parametrize('part', [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused_or_read(write_bag, plugin, suffix, part):
    path = write_bag(TWO_TOPICS, plugin=StoragePlugin[plugin]) / f'bag.{suffix}'
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    try:
        with Bag(path) as bag:
            list(bag.messages(on_damage=lambda text: None))
    except BagError as error:
        assert str(path) in str(error)
    else:
        assert plugin == 'SQLITE3'  # may lose only unused pages; MCAP loses its footer


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


@pytest.mark.skipif(not SHARED.is_dir(), reason=f'{SHARED} is missing')
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
def test_bags_of_other_robots_are_read_completely(name, topics, messages):
    with Bag(SHARED / name) as bag:
        assert len(bag.topics) == topics
        assert len(list(bag.messages(on_damage=pytest.fail))) == messages


@pytest.mark.skipif(not SHARED.is_dir(), reason=f'{SHARED} is missing')
def test_type_names_without_msg_are_normalised():
    with Bag(SHARED / 'amber_soccer_goal_12.mcap') as bag:
        assert bag.topics[0].type == 'sensor_msgs/msg/Image'
        _, _, image = read_bag(bag)[0]
    assert (image.width, image.height, image.encoding) == (640, 480, 'rgb8')
