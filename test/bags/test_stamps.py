import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_typestore

from dynofa_ros.bags.stamps import CdrError, check_encapsulation, moved, stamp_ns, with_stamp

STORE = get_typestore(Stores.ROS2_JAZZY)
POINT = 'geometry_msgs/msg/PointStamped'
NANOSECONDS = 10**9
times = st.integers(-(2**31) * NANOSECONDS, 2**31 * NANOSECONDS - 1)


def serialized(time_ns, *, little_endian=True):
    types = STORE.types
    seconds, nanoseconds = divmod(time_ns, NANOSECONDS)
    stamp = types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
    message = types[POINT](
        header=types['std_msgs/msg/Header'](stamp=stamp, frame_id='map'),
        point=types['geometry_msgs/msg/Point'](x=1.0, y=2.0, z=3.0),
    )
    return bytes(STORE.serialize_cdr(message, POINT, little_endian=little_endian))


@given(before=times, after=times, little_endian=st.booleans())
def test_the_stamp_is_replaced_and_nothing_else(before, after, little_endian):
    data = with_stamp(serialized(before, little_endian=little_endian), after)
    assert data == serialized(after, little_endian=little_endian)


@given(time_ns=times, little_endian=st.booleans())
def test_the_stamp_is_read_in_either_byte_order(time_ns, little_endian):
    assert stamp_ns(serialized(time_ns, little_endian=little_endian)) == time_ns


def test_a_stamp_is_moved():
    assert moved(serialized(5), 2 * NANOSECONDS) == serialized(2 * NANOSECONDS + 5)


def test_an_unset_stamp_stays_unset():
    assert moved(serialized(0), 7) == serialized(0)


def test_a_time_beyond_32_bits_of_seconds_is_refused():
    with pytest.raises(CdrError, match='does not fit 32 bits of seconds'):
        with_stamp(serialized(0), 2**31 * NANOSECONDS)


@pytest.mark.parametrize('length', [0, 4, 11])
def test_bytes_that_end_before_the_stamp_are_refused(length):
    with pytest.raises(CdrError, match=f'^{length} bytes'):
        with_stamp(bytes(length), 1)


@pytest.mark.parametrize('start', [b'\0\1', b'\0\0', b'\0\6', b'\0\7'])
def test_plain_cdr_is_accepted(start):
    check_encapsulation(start + b'\0\0')


@pytest.mark.parametrize('data', [b'', b'\0\1\0', b'\0\3\0\0', b'\x28\xb5\x2f\xfd', bytes([1] * 9)])
def test_other_bytes_are_no_message(data):
    with pytest.raises(CdrError):
        check_encapsulation(data)


def test_a_real_message_passes_the_check():
    image = STORE.types['std_msgs/msg/UInt8MultiArray']
    layout = STORE.types['std_msgs/msg/MultiArrayLayout'](dim=[], data_offset=0)
    message = image(layout=layout, data=np.zeros(4, np.uint8))
    check_encapsulation(bytes(STORE.serialize_cdr(message, 'std_msgs/msg/UInt8MultiArray')))
