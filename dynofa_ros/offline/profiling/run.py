# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa profile`: measure sub-networks on this machine; print a table, write the profile."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path

from rich.table import Table

from dynofa_ros.atomic_file import check_writable, write_json
from dynofa_ros.engine import CPU, Measurement, Place, default_cache
from dynofa_ros.engine import networks as networks_of
from dynofa_ros.engine.measure import places, thread_counts
from dynofa_ros.offline.console import print_table, reporting
from dynofa_ros.offline.profiling.engines import (
    Block,
    compile_blocks,
    measure_blocks,
    measure_energy,
    open_engines,
)
from dynofa_ros.platform.energy_meter import POWERCAP, EnergyMeter, EnergyUnavailable
from dynofa_ros.platform.linux.confinement import usable_cpus
from dynofa_ros.profiles.measured import measured_profile
from dynofa_ros.profiles.stored import Conditions, StoredProfile
from dynofa_ros.runtime import Profile
from dynofa_ros.supernet.model import Model, load_model

BUSY_LOAD = 0.5
"""A machine with a higher load average is reported as busy (assumed)."""

Energies = Sequence[dict[tuple[str, Place], float]]
"""Energy of a frame by sub-network and place, for each block [J]."""
MemoryBytes = dict[tuple[str, str, str], int]
"""Memory by sub-network, engine and processor."""


def run_profile(
    *,
    model: str,
    out: Path,
    engines: Sequence[str],
    threads: Sequence[int] | None,
    rounds: int,
    app: str,
    json: Path | None,
    powercap: Path = POWERCAP,
) -> None:
    """Profile the kept sub-networks of a model with all `engines` and numbers of `threads`.

    Raises:
        ValueError: naming the option, file or field at fault.
    """
    counts = _thread_counts(threads)
    if rounds < 3:
        raise ValueError(f'rounds is {rounds}; expected at least 3, for a median and a spread')
    if not app.strip():
        raise ValueError(f'app is {app!r}; expected a text that is not empty')
    for file in filter(None, (out, json)):
        check_writable(file)
    opened, not_measured = open_engines(engines)
    loaded = load_model(model)
    warn_if_busy()
    networks = networks_of(loaded, default_cache())
    wanted = [(engine, place) for engine in opened for place in places(engine, counts)]
    with reporting('compiled', len(networks) * len(wanted)) as report:
        blocks, reasons = compile_blocks(wanted, networks, report)
    not_measured += [*reasons, *(f'{name}: {remedy}' for name, remedy in loaded.left_out.items())]
    if not blocks:
        raise ValueError(f'no sub-network of {loaded.name} runs here: {"; ".join(not_measured)}')
    with reporting('round', rounds) as report:
        measured = measure_blocks(blocks, rounds=rounds, progress=report)
    energies, energy_unavailable = _energies(blocks, powercap)
    profile = _profile(app, loaded, blocks, measured, energies)
    ran = {point.subnet_id for point in profile.points}
    conditions = Conditions.here(
        [each for each in networks if each.kept.subnet_id in ran],
        {block.engine.name: block.engine for block in blocks}.values(),
        now=datetime.now(timezone.utc),
    )
    StoredProfile(profile, conditions).save(out)
    memory = _memory_bytes(blocks)
    if json:
        write_json(
            json,
            {
                'supernet': profile.supernet,
                'measured_with': asdict(conditions) | {'rounds': rounds},
                'not_measured': not_measured,
                'energy_source': profile.energy_source,
                'energy_unavailable': energy_unavailable,
                'rows': [
                    asdict(point) | {'memory_bytes': memory[point.key[:3]]}
                    for point in profile.points
                ],
            },
        )
    print_table(_table(loaded, profile, memory, f'{loaded.name} on {conditions.host}'), width=120)
    for reason in not_measured:
        print(f'not measured: {reason}')
    source = (
        f'unavailable: {energy_unavailable}'
        if energy_unavailable
        else 'CPU packages, idle subtracted'
    )
    print(f'energy: {source}')
    print(f'{out} written', flush=True)


def _thread_counts(wanted: Sequence[int] | None) -> tuple[int, ...]:
    """Return the numbers of threads to measure, ascending."""
    cores = usable_cpus()
    if wanted is None:
        return thread_counts(cores)
    for count in wanted:
        if not 1 <= count <= cores:
            raise ValueError(
                f'threads is {count}; expected 1 to {cores}, the cores that this process may use'
            )
    return tuple(sorted(set(wanted)))


def warn_if_busy() -> None:
    """Print a warning if other programs load this machine while it is measured."""
    load = os.getloadavg()[0]
    if load > BUSY_LOAD:
        print(
            f'other programs load this machine (load average {load:.1f}): '
            'measured latencies include their effect',
            flush=True,
        )


def _energies(blocks: Sequence[Block], powercap: Path) -> tuple[Energies, str]:
    """Return the energies of each block, and why they are unavailable, empty if they are not."""
    try:
        meter = EnergyMeter(powercap)
        on_cpu = [block for block in blocks if block.place.processor == CPU]
        with reporting('energy of', sum(len(block.residents) for block in on_cpu)) as report:
            energies = measure_energy(blocks, meter, report)
    except EnergyUnavailable as error:
        return [{} for _ in blocks], str(error)
    if all(math.isnan(energy_j) for each in energies for energy_j in each.values()):
        return energies, 'no sub-network on the CPU used more power than idle with other programs'
    return energies, ''


def _profile(
    app: str,
    model: Model,
    blocks: Iterable[Block],
    measured: Iterable[Sequence[Measurement]],
    energies: Energies,
) -> Profile:
    """Return one profile of all blocks."""
    profiles = [
        measured_profile(app, model, block.engine.name, each, energy_j=energy_j)
        for block, each, energy_j in zip(blocks, measured, energies, strict=True)
    ]
    sources = {each.energy_source for each in profiles}
    return replace(
        profiles[0],
        energy_source='measured_rapl' if 'measured_rapl' in sources else 'unavailable',
        points=tuple(point for each in profiles for point in each.points),
    )


def _memory_bytes(blocks: Iterable[Block]) -> MemoryBytes:
    """Return the memory of each sub-network.

    The largest over the numbers of threads: the first one compiled accounts for shared memory.
    """
    memory: MemoryBytes = {}
    for block in blocks:
        for each in block.residents:
            key = (each.kept.subnet_id, block.engine.name, block.place.processor)
            memory[key] = max(memory.get(key, 0), each.memory_bytes)
    return memory


def _table(model: Model, profile: Profile, memory: MemoryBytes, title: str) -> Table:
    """Return the points as a table, the fastest of each sub-network first."""
    table = Table(title=title)
    table.add_column('sub-network', no_wrap=True)
    for heading in ('engine', 'on', 'threads', 'precision'):
        table.add_column(heading)
    for heading in ('top-1', 'median ms', 'p95 ms', 'spread ms', 'MB', 'mJ'):
        table.add_column(heading, justify='right')
    for kept in model.kept:
        points = [each for each in profile.points if each.subnet_id == kept.subnet_id]
        for each in sorted(points, key=lambda point: point.latency_s):
            table.add_row(
                each.subnet_id,
                each.engine,
                each.processor,
                str(each.threads),
                each.precision,
                f'{each.accuracy:.2%}',
                f'{each.latency_s * 1e3:.2f}',
                f'{each.latency_p95_s * 1e3:.2f}',
                f'{each.latency_std_s * 1e3:.2f}',
                f'{memory[each.key[:3]] / 1e6:.1f}',
                '-' if math.isnan(each.energy_j) else f'{each.energy_j * 1e3:.2f}',
            )
        table.add_section()
    return table
