# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from bag_files import STORE
from hypothesis import given
from hypothesis import strategies as st

from dynofa_ros.bags.stamps import CdrError, check_encapsulation, shifted, stamp_ns, with_stamp

POINT = 'geometry_msgs/msg/PointStamped'
ARRAY = 'std_msgs/msg/UInt8MultiArray'
NANOSECONDS = 10**9
times = st.integers(-(2**31) * NANOSECONDS, 2**31 * NANOSECONDS - 1)


def serialized(time_ns, *, little_endian=True):
    seconds, nanoseconds = divmod(time_ns, NANOSECONDS)
    stamp = STORE.types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
    message = STORE.types[POINT](
        header=STORE.types['std_msgs/msg/Header'](stamp=stamp, frame_id='map'),
        point=STORE.types['geometry_msgs/msg/Point'](x=1.0, y=2.0, z=3.0),
    )
    return bytes(STORE.serialize_cdr(message, POINT, little_endian=little_endian))


@given(before=times, after=times, little_endian=st.booleans())
def test_only_the_stamp_is_replaced(before, after, little_endian):
    data = with_stamp(serialized(before, little_endian=little_endian), after)
    assert data == serialized(after, little_endian=little_endian)


@given(time_ns=times, little_endian=st.booleans())
def test_the_stamp_is_read_in_either_byte_order(time_ns, little_endian):
    assert stamp_ns(serialized(time_ns, little_endian=little_endian)) == time_ns


@pytest.mark.parametrize(
    ('before', 'offset', 'after'), [(5, 2 * NANOSECONDS, 2 * NANOSECONDS + 5), (0, 7, 0)]
)
def test_a_stamp_is_shifted_unless_it_is_unset(before, offset, after):
    assert shifted(serialized(before), offset) == serialized(after)


def test_a_time_beyond_32_bit_seconds_is_refused():
    with pytest.raises(CdrError, match='expected 32-bit seconds'):
        with_stamp(serialized(0), 2**31 * NANOSECONDS)


@pytest.mark.parametrize('length', [0, 4, 11])
def test_a_message_that_ends_before_the_stamp_is_refused(length):
    with pytest.raises(CdrError, match=f'^message has {length} bytes; expected 12'):
        with_stamp(bytes(length), 1)


@pytest.mark.parametrize('start', [b'\0\1', b'\0\0', b'\0\6', b'\0\7'])
def test_plain_cdr_is_accepted(start):
    check_encapsulation(start + b'\0\0')


@pytest.mark.parametrize('data', [b'', b'\0\1\0', b'\0\3\0\0', b'\x28\xb5\x2f\xfd', bytes([1] * 9)])
def test_other_bytes_are_refused(data):
    with pytest.raises(CdrError):
        check_encapsulation(data)


def test_a_real_message_is_accepted():
    layout = STORE.types['std_msgs/msg/MultiArrayLayout'](dim=[], data_offset=0)
    message = STORE.types[ARRAY](layout=layout, data=np.zeros(4, np.uint8))
    check_encapsulation(bytes(STORE.serialize_cdr(message, ARRAY)))
