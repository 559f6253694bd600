# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Targets of YAML, JSON and text files."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from fuzzing.target import Target

# What damages documents of any kind: appended to the seeds.
HOSTILE = (
    b'',
    b'{}',
    b'[]',
    b'null',
    b'a: &a [x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b]\n',
    b'a: ' + b'[' * 60,
    b'{"a": ' + b'[' * 2000,
    b'a: ' + b'9' * 400,
    b'{"a": ' + b'9' * 400 + b'}',
    b'a: .nan\nb: .inf\nc: -.inf\nd: 1e9\n',
    b'{"a": NaN, "b": Infinity, "c": -1e999}',
    b'\xff\xfe\x00\x01',
    b'a: !!python/object/apply:os.system ["true"]\n',
    b'<<: &a {<<: *a}\n',
    b'? [a, b]\n: 2001-01-01\n0x1_0: 1:30:00\n',
    b'a: !!binary not base64\nb: !!timestamp 2001-99-99\nc: !!set {x}\n',
)


def with_hostile_values(document: bytes, most: int = 12) -> list[bytes]:
    """Return the document, each time with one number replaced by a huge or nested one."""
    places = [match.span() for match in re.finditer(rb'(?<=[ :\[{,])\d[\d.e+-]*', document)]
    return [
        document[:start] + value + document[end:]
        for start, end in places[:: max(len(places) // most, 1)]
        for value in (b'9' * 400, b'[' * 60 + b']' * 60)
    ]


def file_target(
    name: str,
    suffix: str,
    read: Callable[[Path], object],
    seeds: Iterable[bytes],
    **bounds: Any,
) -> Target:
    """Return a target that writes its input to a file and reads that."""
    file = Path(tempfile.mkdtemp(prefix='fuzz-')) / f'input{suffix}'

    def run(data: bytes) -> None:
        file.write_bytes(data)
        read(file)

    seeds = tuple(seeds)
    longest = max(len(each) for each in seeds) + 1024
    return Target(name, run, seeds, **{'longest': longest, **bounds})


def _shipped(folder: str) -> list[bytes]:
    from dynofa_ros.share import share_path

    return [file.read_bytes() for file in sorted(share_path(folder).glob('*.yaml'))]


def platform_file() -> Target:
    """Load a platform description, and ask its models."""
    from dynofa_ros.platform import load_platform

    def read(file: Path) -> None:
        platform = load_platform(str(file))
        for processor in platform.processors.values():
            for frequency_hz in platform.domains[processor.domain].frequencies_hz:
                platform.energy_j(
                    processor=processor.name, frequency_hz=frequency_hz, latency_s=0.1, threads=1
                )

    shipped = _shipped('config/platforms')
    seeds = (*shipped, *with_hostile_values(shipped[0]), *HOSTILE)
    return file_target('platform_file', '.yaml', read, seeds)


def scenario_file() -> Target:
    """Load a scenario."""
    from dynofa_ros.simulation.scenario import load_scenario

    shipped = _shipped('config/scenarios')
    seeds = (*shipped, *with_hostile_values(shipped[0]), *HOSTILE)
    return file_target('scenario_file', '.yaml', lambda file: load_scenario(str(file)), seeds)


def networks_file() -> Target:
    """Load the networks of a simulation."""
    from dynofa_ros.simulation.networks_file import load_networks

    shipped = _shipped('config/networks')
    seeds = (*shipped, *with_hostile_values(shipped[0]), *HOSTILE)
    return file_target('networks_file', '.yaml', lambda file: load_networks(str(file)), seeds)


def model_file() -> Target:
    """Load a model whose model.yaml is damaged; the weights are those of a shipped one."""
    from dynofa_ros.share import share_path
    from dynofa_ros.supernet import load_model

    torch.set_num_threads(1)
    shipped = share_path('models/vit_cifar10')
    folder = Path(tempfile.mkdtemp(prefix='fuzz-')) / 'model'
    folder.mkdir()
    shutil.copy(shipped / 'weights.pt', folder)
    file = folder / 'model.yaml'

    def run(data: bytes) -> None:
        file.write_bytes(data)
        load_model(str(folder))

    document = (shipped / 'model.yaml').read_bytes()
    seeds = (document, *with_hostile_values(document), *HOSTILE)
    return Target('model_file', run, seeds, longest=3072)


def profile_file() -> Target:
    """Load a stored profile, announce it to a manager, and decide."""
    from dynofa_ros.profiles.stored import StoredProfile
    from dynofa_ros.runtime import ResourceManager

    def read(file: Path) -> None:
        stored = StoredProfile.load(file, 'camera')
        manager = ResourceManager(clock=lambda: 1000.0)
        manager.set_profile(stored.profile)
        manager.step()

    profiles = _profiles()
    return file_target(
        'profile_file', '.json', read, (*profiles, *with_hostile_values(profiles[1]), *HOSTILE)
    )


def _profiles() -> list[bytes]:
    """Return two profiles, one with the conditions of its measurement."""
    from dynofa_ros.platform.host import Host
    from dynofa_ros.profiles.stored import Conditions, StoredProfile
    from dynofa_ros.runtime import OperatingPoint, Profile

    points = tuple(
        OperatingPoint(
            subnet_id=name,
            engine='torch',
            processor='cpu',
            threads=1,
            frequency_hz=1e9,
            latency_s=latency_s,
            latency_std_s=0.001,
            energy_j=0.1,
            accuracy=0.5 + latency_s,
            flops=10**6,
            parameters=10**5,
        )
        for name, latency_s in (('small', 0.01), ('large', 0.02))
    )
    profile = Profile(
        app='camera',
        supernet='vit_cifar10',
        platform='board',
        latency_source='measured',
        energy_source='modelled',
        points=points,
    )
    conditions = Conditions(
        host=Host.here(),
        engines={'torch': '2'},
        subnets={'small': 'a', 'large': 'b'},
        date='2026-01-01T00:00:00',
    )
    written = []
    for measured_with in (None, conditions):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / 'profile.json'
            StoredProfile(profile, measured_with).save(file)
            written.append(file.read_bytes())
    return written


def state_file() -> Target:
    """Start the platform's device with a damaged file of saved frequency settings."""
    import boards

    from dynofa_ros.platform.linux import LinuxDevice, LinuxMachine

    root = Path(tempfile.mkdtemp(prefix='fuzz-board-'))
    kernel = boards.xavier_nx_jetpack5(root)
    machine = LinuxMachine.discover(kernel)
    boot = kernel.text('/proc/sys/kernel/random/boot_id')

    def read(file: Path) -> None:
        device = LinuxDevice(kernel, machine, name='board', state_file=file, clock=lambda: 1000.0)
        try:
            device.apply(boards.at('gpu', 5.1e8))
        finally:
            device.close()

    folder = f'{boards.CPU}/policy0'
    setting = '{"governor": "schedutil", "lowest": 115200, "highest": 1420800, "speed": null}'
    valid = f'{{"boot_id": "{boot}", "settings": {{"{folder}": {setting}}}}}'.encode()
    return file_target('state_file', '.json', read, (valid, *with_hostile_values(valid), *HOSTILE))


def training_log() -> Target:
    """Read the log of a training run."""
    from dynofa_ros.offline.training.log import read_log

    rows = b'{"step": 1, "loss": 2.0, "epoch": 0.1}\n{"step": 2, "held_out": {"small": 0.5}}\n'
    return file_target(
        'training_log', '.jsonl', read_log, (rows, *with_hostile_values(rows), *HOSTILE)
    )


def accuracy_rows() -> Target:
    """Read a table of measured accuracies."""
    from dynofa_ros.offline.search.accuracy_rows import parse_rows, read_rows

    row = b'{"ks": [3, 3], "e": [3, 4], "d": [2], "r": 224, "top1": 0.7}\n'
    seeds = (row * 2, *with_hostile_values(row * 2), *HOSTILE)
    return file_target('accuracy_rows', '.jsonl', lambda file: parse_rows(read_rows(file)), seeds)


def subnet_config() -> Target:
    """Read the config of a sub-network, and check it against a supernet."""
    from dynofa_ros.offline.training.run import read_subnet
    from dynofa_ros.supernet import create_supernet

    net = create_supernet('vit_cifar10')
    largest = json.dumps(net.space.max_config().to_dict()).encode()
    seeds = (largest, *with_hostile_values(largest), b'{"d": [4], "r": 32}', *HOSTILE)
    return file_target('subnet_config', '.json', lambda file: read_subnet(net, str(file)), seeds)
