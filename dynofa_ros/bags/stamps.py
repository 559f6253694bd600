"""Times at the start of a serialized message: read, replace and move them without decoding it.

A message that begins with a `std_msgs/Header` (or is a `rosgraph_msgs/Clock`) has, after the four
bytes of the CDR encapsulation header, int32 seconds and uint32 nanoseconds (OMG DDS-XTypes 7.4.3,
plain CDR).
"""

from __future__ import annotations

import struct

_STAMP_OFFSET = 4
_STAMP_END = 12
_NANOSECONDS = 1_000_000_000
# Plain CDR, version 1 and 2, big and little endian; the others describe types ROS does not have.
_PLAIN_CDR = (0x0000, 0x0001, 0x0006, 0x0007)


class CdrError(ValueError):
    """Bytes that are no serialized ROS message."""


def check_encapsulation(data: bytes) -> None:
    """Raise `CdrError` unless the bytes start as a serialized ROS message does."""
    if len(data) < _STAMP_OFFSET:
        raise CdrError(f'{len(data)} bytes; a serialized message has at least {_STAMP_OFFSET}')
    kind = int.from_bytes(data[:2], 'big')
    if kind not in _PLAIN_CDR:
        allowed = ', '.join(f'{kind:#06x}' for kind in _PLAIN_CDR)
        raise CdrError(f'encapsulation {kind:#06x} is not plain CDR; expected {allowed}')


def stamp_ns(data: bytes) -> int:
    """Return the leading time in nanoseconds; raises `CdrError` where the bytes end before it."""
    seconds, nanoseconds = struct.unpack(_layout(data), data[_STAMP_OFFSET:_STAMP_END])
    return int(seconds) * _NANOSECONDS + int(nanoseconds)


def with_stamp(data: bytes, time_ns: int) -> bytes:
    """Return the message with its leading time replaced by `time_ns`.

    Raises `CdrError` where the bytes end before it, or the time does not fit 32 bits of seconds.
    """
    seconds, nanoseconds = divmod(time_ns, _NANOSECONDS)
    if not -(2**31) <= seconds < 2**31:
        raise CdrError(f'time {time_ns} ns does not fit 32 bits of seconds')
    stamp = struct.pack(_layout(data), seconds, nanoseconds)
    return b''.join((data[:_STAMP_OFFSET], stamp, data[_STAMP_END:]))


def moved(data: bytes, offset_ns: int) -> bytes:
    """Return the message with its leading time moved; a time of 0 means unset and stays."""
    time_ns = stamp_ns(data)
    return with_stamp(data, time_ns + offset_ns) if time_ns and offset_ns else data


def _layout(data: bytes) -> str:
    if len(data) < _STAMP_END:
        raise CdrError(f'{len(data)} bytes; a message that starts with a time has {_STAMP_END}')
    return '<iI' if data[1] & 1 else '>iI'
