# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
import yaml
from bag_files import STRING, qos, read_bag
from bag_files import write_bag as write_bag_to
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from dynofa_ros.bags.reader import Bag, BagError
from dynofa_ros.bags.storage import StorageError, ZstdError, decompress_zstd, zstd
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


def rewrite(path, *changes):
    """Replace bytes of a file, each by as many others."""
    data = path.read_bytes()
    for old, new in changes:
        assert old in data
        assert len(old) == len(new)
        data = data.replace(old, new)
    path.write_bytes(data)


@pytest.mark.parametrize('plugin', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
@pytest.mark.parametrize(
    ('key', 'value'),
    [('message_count', 0), ('starting_time', 21), ('duration', 0), ('starting_time', 10**19)],
)
def test_times_and_counts_come_from_the_storage(write_bag, plugin, key, value):
    path = write_bag(TWO_TOPICS, plugin=plugin)
    metadata = yaml.safe_load((path / 'metadata.yaml').read_text())
    information = metadata['rosbag2_bagfile_information']
    if isinstance(information[key], dict):
        information[key] = dict.fromkeys(information[key], value)
    else:
        information[key] = value
    (path / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    with Bag(path) as bag:
        assert (bag.start_ns, bag.end_ns) == (10, 30)
        assert [topic.message_count for topic in bag.topics] == [2, 1]
        assert texts(bag) == ['first', 'second', 'third']


@pytest.mark.parametrize('order', [('first', 'second'), ('second', 'first')])
def test_the_files_of_a_split_recording_are_read_in_order_of_time(tmp_path, order):
    for name, start in (('first', 100), ('second', 200)):
        messages = [(start + i, f'{start + i}') for i in range(10)]
        write_bag_to(tmp_path / name, {'/a': messages})
    for name in ('first', 'second'):
        (tmp_path / name / f'{name}.mcap').rename(tmp_path / f'{name}.mcap')
    metadata = yaml.safe_load((tmp_path / 'second' / 'metadata.yaml').read_text())
    information = metadata['rosbag2_bagfile_information']
    information['relative_file_paths'] = [f'{name}.mcap' for name in order]
    (tmp_path / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    with Bag(tmp_path) as bag:
        assert (bag.start_ns, bag.end_ns) == (100, 209)
        assert [int(text) for text in texts(bag)] == [*range(100, 110), *range(200, 210)]


@pytest.mark.parametrize(
    'change',
    [
        {'relative_file_paths': []},
        {'relative_file_paths': 5},
        {'relative_file_paths': ['../other.mcap', 'missing.mcap']},
        {'storage_identifier': 'pickle'},
        {'storage_identifier': 'sqlite3'},
    ],
)
def test_metadata_that_names_no_files_is_refused(write_bag, change):
    path = write_bag(TWO_TOPICS)
    metadata = yaml.safe_load((path / 'metadata.yaml').read_text())
    metadata['rosbag2_bagfile_information'] |= change
    (path / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    with pytest.raises(BagError, match=r'cannot be read: (metadata|file|storage)'):
        Bag(path)


def test_a_channel_of_a_foreign_encoding_does_not_refuse_the_others(write_bag):
    path = write_bag(TWO_TOPICS, unknown_at_ns=5)
    rewrite(
        path / 'bag.mcap',
        (b'/thing\x03\0\0\0cdr', b'/thing\x03\0\0\0pbf'),
        (b'Thing\x07\0\0\0ros2msg', b'Thing\x07\0\0\0protobu'),
    )
    with Bag(path) as bag:
        problems = {topic.name: topic.problem for topic in bag.topics}
        assert problems == {'/thing': "serialization is 'pbf'; expected cdr", '/a': '', '/b': ''}
        playable = [topic for topic in bag.topics if not topic.problem]
        assert texts(bag, topics=playable) == ['first', 'second', 'third']


@pytest.mark.parametrize('depth', [-1, 2**31, 2**63])
def test_a_topic_with_an_absurd_depth_has_a_problem(write_bag, depth):
    with Bag(write_bag(TWO_TOPICS, offered={'/a': [qos(depth=depth)]})) as bag:
        assert f'depth is {depth}; expected 1 to 100000' in bag.topics[0].problem
        assert bag.topics[1].problem == ''


def test_a_topic_whose_qos_cannot_be_parsed_has_a_problem(write_bag):
    path = write_bag(TWO_TOPICS, offered={'/a': [qos(depth=7)]})
    rewrite(path / 'bag.mcap', (b'depth: 7', b'dexth: 7'))
    with Bag(path) as bag:
        assert 'its recorded QoS is invalid' in bag.topics[0].problem
        assert bag.topics[1].problem == ''


@pytest.mark.parametrize('plugin', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_message_that_expands_beyond_the_limit_is_reported_and_skipped(write_bag, plugin):
    """A megabyte of zeros, compressed to 60 bytes, 300 times."""
    mark = 'the message to replace'
    path = write_bag({'/a': [(10, 'before'), (20, mark), (30, 'after')]}, plugin=plugin)
    bomb = zstd.compress(bytes(2**20)) * 300
    damages = []
    with Bag(path) as bag:
        storage = bag._storages[0]
        recorded = storage.messages
        storage.messages = lambda *arguments: (
            (connection, time_ns, bomb if mark.encode() in bytes(data) else data)
            for connection, time_ns, data in recorded(*arguments)
        )
        assert texts(bag, on_damage=damages.append) == ['before', 'after']
    assert len(damages) == 1
    assert '/a at 20 ns is damaged: data decompresses to over 268435456 bytes' in damages[0]


def test_decompression_stops_at_the_limit():
    assert decompress_zstd(zstd.compress(bytes(1000)), 1000) == bytes(1000)
    for data in (zstd.compress(bytes(1001)), zstd.compress(bytes(600)) * 2):
        with pytest.raises(StorageError, match='decompresses to over 1000 bytes'):
            decompress_zstd(data, 1000)
    with pytest.raises(ZstdError, match='ends early'):
        decompress_zstd(zstd.compress(bytes(1000))[:-1], 1000)


def test_a_chunk_that_claims_to_be_too_large_is_reported(write_bag):
    path = write_bag(TWO_TOPICS, compression=CompressionMode.STORAGE)
    damages = []
    with Bag(path) as bag:
        storage = bag._storages[0]
        storage.chunks = [each._replace(uncompressed_size=2**40) for each in storage.chunks]
        assert texts(bag, on_damage=damages.append) == []
    assert 'a chunk has 1099511627776 bytes; expected at most 268435456' in damages[0]


def test_a_chunk_that_expands_beyond_its_size_is_reported(write_bag, filler):
    path = write_bag({'/a': [(10, filler)]}, compression=CompressionMode.STORAGE)
    damages = []
    with Bag(path) as bag:
        storage = bag._storages[0]
        storage.chunks = [each._replace(uncompressed_size=1000) for each in storage.chunks]
        assert texts(bag, on_damage=damages.append) == []
    assert 'decompresses to over 1000 bytes' in damages[0]


def test_a_compressed_file_that_expands_beyond_the_limit_is_refused(write_bag, monkeypatch):
    path = write_bag(TWO_TOPICS, compression=CompressionMode.FILE)
    monkeypatch.setattr('dynofa_ros.bags.storage._FILE_BYTES', 100)
    monkeypatch.setattr('dynofa_ros.bags.storage._FILE_RATIO', 1)
    with pytest.raises(BagError, match='decompresses to over'):
        Bag(path)
