# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Open the storage files of a bag, and decompress within limits.

`rosbags` reads the formats. Its readers refuse a whole file for one channel that they cannot use,
trust the times and counts of `metadata.yaml`, which are wrong for split and killed recordings, and
decompress without a limit. The readers here are private copies of its modules with other functions
for these parts.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any

import yaml
from lz4.frame import LZ4FrameDecompressor
from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZstdError = zstd.ZstdError
# A raw image of 8K video has 100 MB. Messages, and chunks of them, are held in memory.
LARGEST_BYTES = 2**28
# A compressed file is unpacked to disk. Recordings shrink to a third or so, bombs to a millionth.
_FILE_BYTES, _FILE_RATIO = 2**30, 100
_BLOCK_BYTES = 2**20
_METADATA_BYTES = 2**24
_SUFFIXES = {'sqlite3': '.db3', 'mcap': '.mcap'}


class StorageError(ValueError):
    """A bag whose files cannot be opened, or that exceed a limit."""


class InvalidQos(str):
    """A recorded QoS that cannot be parsed, in place of the profiles."""


def open_storages(path: Path, stack: ExitStack) -> list[Any]:
    """Open the files of a rosbag2 folder, or a single file, in the order of their times.

    `stack` closes them. Of `metadata.yaml` only the names of the files are used.

    Raises:
        StorageError: for metadata without file names, missing files and files above a limit.
        Exception: of any kind for damaged files; the parsers have no common base class.
    """
    files = _files(path) if path.is_dir() else [path]
    storages = []
    for file in files:
        if file.suffix == '.zstd':
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            file = _unpacked(file, Path(folder))
        storage = _READERS[file.suffix](file)
        storage.open()
        stack.callback(storage.close)
        storages.append(storage)
    return sorted(storages, key=lambda storage: storage.metadata.start_time)


def decompress_zstd(data: bytes, limit: int = LARGEST_BYTES) -> bytes:
    """Return the decompressed frames.

    Raises:
        StorageError: beyond `limit` bytes.
        ZstdError: for damaged data.
    """
    parts, size = [], 0
    while data:
        frame = zstd.ZstdDecompressor()
        part = frame.decompress(data, max_length=limit + 1 - size)
        parts.append(part)
        size += len(part)
        if size > limit:
            raise StorageError(f'data decompresses to over {limit} bytes; expected at most {limit}')
        if not frame.eof:
            raise ZstdError('compressed data ends early')
        data = frame.unused_data
    return b''.join(parts)


def _files(folder: Path) -> list[Path]:
    metadata = folder / 'metadata.yaml'
    if (size := metadata.stat().st_size) > _METADATA_BYTES:
        raise StorageError(f'metadata.yaml has {size} bytes; expected at most {_METADATA_BYTES}')
    try:
        information = yaml.safe_load(metadata.read_bytes())['rosbag2_bagfile_information']
        names = [PurePath(name).name for name in information['relative_file_paths']]
        storage = information['storage_identifier']
    except (yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise StorageError(
            f'metadata.yaml names no storage and files ({type(error).__name__})'
        ) from error
    if storage not in _SUFFIXES:
        raise StorageError(f'storage is {str(storage)[:80]!r}; expected {", ".join(_SUFFIXES)}')
    missing = [name for name in names if not (folder / name).is_file()]
    if missing or not names:
        raise StorageError(f'files are missing: {", ".join(missing) or "no file is named"}')
    for name in names:
        if Path(name.removesuffix('.zstd')).suffix != _SUFFIXES[storage]:
            raise StorageError(f'file is {name!r}; expected {_SUFFIXES[storage]} or its .zstd')
    return [folder / name for name in dict.fromkeys(names)]


def _unpacked(file: Path, folder: Path) -> Path:
    limit = max(_FILE_BYTES, _FILE_RATIO * file.stat().st_size)
    target, size = folder / file.stem, 0
    with zstd.open(file, 'rb') as source, target.open('xb') as output:
        while block := source.read(_BLOCK_BYTES):
            size += len(block)
            if size > limit:
                raise StorageError(f'{file.name} decompresses to over {limit} bytes')
            output.write(block)
    return target


def _private_copy(name: str) -> Any:
    """Return a module of its own, in which functions can be replaced without effect on others."""
    importlib.import_module(name)  # its dataclasses look the name up
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tolerant(parse: Any) -> Any:
    def parse_qos(recorded: Any) -> Any:
        try:
            profiles = parse(recorded)
            if all(isinstance(profile.depth, int) for profile in profiles):
                return profiles
        except Exception:  # nosec B110 # see open_storages
            pass
        return InvalidQos(str(recorded)[:80])

    return parse_qos


def _decompress_lz4(data: bytes, size: int) -> bytes:
    raw = LZ4FrameDecompressor().decompress(data, max_length=size + 1)
    return bytes(raw)


def _decompress(data: bytes, compression: str, size: int, crc: int) -> bytes:
    if size > LARGEST_BYTES:
        raise StorageError(f'a chunk has {size} bytes; expected at most {LARGEST_BYTES}')
    return bytes(_decompress_checked(data, compression, size, crc))


_mcap = _private_copy('rosbags.rosbag2.storage_mcap')
_sqlite = _private_copy('rosbags.rosbag2.storage_sqlite3')
_decompress_checked = _mcap.decompress
_mcap.decompress = _decompress
_mcap.DECOMPRESSORS |= {'zstd': decompress_zstd, 'lz4': _decompress_lz4}
# Message definitions are not needed, and a foreign one (protobuf) is no reason to refuse the rest.
_mcap.get_msgdef = lambda schema: MessageDefinition(MessageDefinitionFormat.NONE, '')
_mcap.read_string = lambda file: _mcap.read_bytes(file).decode(errors='replace')
for _module in (_mcap, _sqlite):
    _module.parse_qos = _tolerant(_module.parse_qos)
_READERS = {'.mcap': _mcap.McapReader, '.db3': _sqlite.Sqlite3Reader}
