# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets of binary files: weights, checkpoints, data sets and compiled sub-networks."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

import torch
from torch import nn

from fuzzing.choices import Choices
from fuzzing.documents import HOSTILE, file_target
from fuzzing.pictures import encoded
from fuzzing.target import Target


def _saved(document: object, **options: object) -> bytes:
    stream = io.BytesIO()
    torch.save(document, stream, **options)
    return stream.getvalue()


def weights() -> Target:
    """Load weights of own or official names into a network."""
    from dynofa_ros.supernet.checkpoint import load_weights

    torch.set_num_threads(1)
    net = nn.Linear(2, 3)

    def read(file: Path) -> None:
        load_weights(net, file, lambda key: f'official.{key}')

    state = net.state_dict()
    seeds = (
        _saved({'state_dict': state}),
        _saved({'state_dict': {f'module.official.{key}': state[key] for key in state}}),
        _saved({'state_dict': state}, _use_new_zipfile_serialization=False),
        _saved({'state_dict': {key: each.half() for key, each in state.items()}}),
        _saved([state]),
        *HOSTILE[:4],
    )
    return file_target('weights', '.pt', read, seeds)


def training_checkpoint() -> Target:
    """Read the checkpoint from which an interrupted training resumes."""
    from dynofa_ros.offline.training.checkpoint import (
        TrainingIdentity,
        read_checkpoint,
    )

    identity = TrainingIdentity(
        plan={'epochs': 3}, supernet='vit', data='images', first_weights='0a', processes=1
    )
    fields = vars(identity)
    seeds = (
        _saved({'step': 1, 'identity': fields}),
        _saved({'step': 1, 'identity': fields | {'plan': 'x'}}),
        _saved({'step': 1, 'identity': fields | {'data': None, 'processes': [1]}}),
        _saved({'step': 1, 'identity': {}}),
        _saved({'step': 1}, _use_new_zipfile_serialization=False),
        *HOSTILE[:4],
    )
    return file_target(
        'training_checkpoint', '.pt', lambda file: read_checkpoint(file, identity), seeds
    )


def model_weights() -> Target:
    """Load a shipped model whose weights.pt is damaged in places that the input names."""
    from dynofa_ros.share import share_path
    from dynofa_ros.supernet import load_model

    torch.set_num_threads(1)
    shipped = share_path('models/vit_cifar10')
    folder = Path(tempfile.mkdtemp(prefix='fuzz-')) / 'model'
    folder.mkdir()
    shutil.copy(shipped / 'model.yaml', folder)
    intact = (shipped / 'weights.pt').read_bytes()
    with zipfile.ZipFile(io.BytesIO(intact)) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    names = sorted(members, key=lambda name: (not name.endswith('.pkl'), name))

    def run(data: bytes) -> None:
        choices = Choices(data)
        # Either the file itself is damaged, or a member before its checksum was computed.
        if choices.byte() % 2:
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, 'w') as archive:
                damaged = names[0] if choices.byte() % 2 else choices.one_of(names)
                for name, content in members.items():
                    archive.writestr(
                        name, _damaged(content, choices) if name == damaged else content
                    )
            file = stream.getvalue()
        else:
            file = _damaged(intact, choices)
        (folder / 'weights.pt').write_bytes(file)
        load_model(str(folder))

    seeds = (
        b'\x01\x01\x01\0\0\0\0\x80',
        b'\0\x02\0\x10\0\0\x33\x44',
        b'\0\x03\0\x01\0\0',
        b'\x01\0\x07',
    )
    return Target('model_weights', run, seeds, longest=128)


def _damaged(content: bytes, choices: Choices) -> bytes:
    """Return the content, cut or overwritten in a few places."""
    changed = bytearray(content)
    for _ in range(1 + choices.byte() % 3):
        at = int.from_bytes(choices.take(4), 'little') % max(len(changed), 1)
        new = choices.take(choices.byte() % 9)
        if new:
            changed[at : at + len(new)] = new
        else:
            del changed[at:]
    return bytes(changed)


def image_tar() -> Target:
    """Read a data set from a tar or zip file, and decode its images."""

    def read(file: Path) -> None:
        from dynofa_ros.offline.data.readers import load_dataset

        data = load_dataset(file)
        for index in range(min(len(data), 4)):
            data.image(index)

    seeds = (
        _tar(''),
        _tar('gz'),
        _tar('xz'),
        _tar('bz2'),
        _tar('', side=120),
        _zip(),
        *HOSTILE[:2],
    )
    return file_target('image_tar', '.tar', read, seeds, longest=16384)


def _tar(compression: str, side: int = 8) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f'w:{compression}') as archive:
        for name, suffix in (('cat/1.jpg', '.jpg'), ('dog/2.png', '.png')):
            picture = encoded(suffix, side)
            member = tarfile.TarInfo(name)
            member.size = len(picture)
            archive.addfile(member, io.BytesIO(picture))
    return stream.getvalue()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, suffix in (('cat/1.jpg', '.jpg'), ('dog/2.png', '.png')):
            archive.writestr(name, encoded(suffix, 8))
    return stream.getvalue()


def image_folder() -> Target:
    """Read a data set from a folder with a table of class indices."""
    from dynofa_ros.offline.data.readers import load_dataset

    folder = Path(tempfile.mkdtemp(prefix='fuzz-'))
    (folder / 'images').mkdir()
    picture = encoded('.jpg')

    def run(data: bytes) -> None:
        table, _, image = data.partition(b'\0\0')
        (folder / 'labels.csv').write_bytes(table)
        (folder / 'images' / 'one.jpg').write_bytes(image)
        (folder / 'images' / 'two.jpg').write_bytes(picture)
        loaded = load_dataset(folder)
        for index in range(min(len(loaded), 4)):
            loaded.image(index)

    table = b'image_id,imagenet_index\none,1\ntwo,2\n'
    seeds = (table + b'\0\0' + picture, table, b'image_id,imagenet_index\none,"1\n2"\n', b'a\n1\n')
    return Target('image_folder', run, seeds, longest=2048)


def compiled_cache() -> Target:
    """Read a damaged file of the cache: it is made anew, and the content is the true one."""
    from dynofa_ros.engine.compiled_cache import DIGEST_BYTES, CompiledCache

    folder = Path(tempfile.mkdtemp(prefix='fuzz-'))
    content = b'compiled sub-network'
    cache = CompiledCache(folder)
    cache.get('blob', lambda: content)
    intact = (folder / 'blob').read_bytes()

    def read(file: Path) -> None:
        stored = file.read_bytes()
        if hashlib.sha256(stored[DIGEST_BYTES:]).digest() == stored[:DIGEST_BYTES]:
            return  # libFuzzer reads the digest that is compared: intact, with another content
        file.replace(folder / 'blob')
        if (found := cache.get('blob', lambda: content)) != content:
            raise AssertionError(f'content is {found!r}; expected {content!r}')

    return file_target('compiled_cache', '', read, (intact, intact[:-1], b''), documented=())
