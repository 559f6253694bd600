# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read, replace and shift the leading time stamp of a serialized message without decoding it.

A message that starts with a `std_msgs/Header`, and a `rosgraph_msgs/Clock`, has int32 seconds and
uint32 nanoseconds after the 4-byte CDR encapsulation header (OMG DDS-XTypes 7.4.3, plain CDR).
"""

from __future__ import annotations

import struct

_STAMP_OFFSET = 4
_STAMP_END = 12
_NANOSECONDS = 1_000_000_000
# Plain CDR, versions 1 and 2, big and little endian. ROS does not use the other encapsulations.
_PLAIN_CDR = (0x0000, 0x0001, 0x0006, 0x0007)


class CdrError(ValueError):
    """Bytes that are not a serialized ROS message."""


def check_encapsulation(data: bytes) -> None:
    """Raise `CdrError` unless the bytes start with the header of a serialized ROS message."""
    if len(data) < _STAMP_OFFSET:
        raise CdrError(f'message has {len(data)} bytes; expected at least {_STAMP_OFFSET}')
    kind = int.from_bytes(data[:2], 'big')
    if kind not in _PLAIN_CDR:
        allowed = ', '.join(f'{kind:#06x}' for kind in _PLAIN_CDR)
        raise CdrError(f'encapsulation is {kind:#06x}; expected plain CDR, {allowed}')


def stamp_ns(data: bytes) -> int:
    """Return the leading stamp [ns]; raise `CdrError` if the message is too short."""
    seconds, nanoseconds = struct.unpack(_layout(data), data[_STAMP_OFFSET:_STAMP_END])
    return int(seconds) * _NANOSECONDS + int(nanoseconds)


def with_stamp(data: bytes, time_ns: int) -> bytes:
    """Return the message with its leading stamp replaced by `time_ns`.

    Raises:
        CdrError: if the message is too short, or the time does not fit 32-bit seconds.
    """
    seconds, nanoseconds = divmod(time_ns, _NANOSECONDS)
    if not -(2**31) <= seconds < 2**31:
        raise CdrError(f'time is {time_ns} ns; expected 32-bit seconds')
    stamp = struct.pack(_layout(data), seconds, nanoseconds)
    return b''.join((data[:_STAMP_OFFSET], stamp, data[_STAMP_END:]))


def shifted(data: bytes, offset_ns: int) -> bytes:
    """Return the message with its leading stamp shifted; a stamp of 0 is unset and stays."""
    time_ns = stamp_ns(data)
    return with_stamp(data, time_ns + offset_ns) if time_ns and offset_ns else data


def _layout(data: bytes) -> str:
    if len(data) < _STAMP_END:
        raise CdrError(f'message has {len(data)} bytes; expected {_STAMP_END} for its stamp')
    return '<iI' if data[1] & 1 else '>iI'
