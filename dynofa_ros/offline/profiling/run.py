"""`dynofa profile`: measure sub-networks on this machine; print a table, write the profile."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dynofa_ros.atomic_file import check_writable, write_json
from dynofa_ros.engine import CPU, Measurement, Place, default_cache, networks
from dynofa_ros.engine.measure import places, thread_counts
from dynofa_ros.offline.profiling.engines import (
    Block,
    compile_blocks,
    measure_blocks,
    measure_energy,
    open_engines,
)
from dynofa_ros.offline.progress_report import reporting
from dynofa_ros.platform.energy_meter import POWERCAP, EnergyMeter, EnergyUnavailable
from dynofa_ros.profiles.measured import measured_profile
from dynofa_ros.profiles.stored import Conditions, StoredProfile
from dynofa_ros.runtime import Profile
from dynofa_ros.supernet.model import Model, load_model

BUSY = 0.5
"""Load average from which the machine is called busy (assumed)."""

Energies = Sequence[dict[tuple[str, Place], float]]


def run_profile(options: argparse.Namespace, *, powercap: Path = POWERCAP) -> int:
    """Run the command; return its exit code.

    Raises:
        ValueError: naming the option, file or field that is wrong.
    """
    threads = _threads(options.threads)
    if options.rounds < 3:
        raise ValueError(f'rounds is {options.rounds}; a median and a spread need at least 3')
    if not options.app.strip():
        raise ValueError(f'app is {options.app!r}; it must be a text that is not empty')
    for file in filter(None, (options.out, options.json)):
        check_writable(file)
    engines, unable = open_engines(options.engines)
    model = load_model(options.model)
    say_if_busy()
    everyone = networks(model, default_cache())
    wanted = [(engine, place) for engine in engines for place in places(engine, threads)]
    with reporting('compiled', len(everyone) * len(wanted)) as report:
        blocks, refused = compile_blocks(wanted, everyone, report)
    unable += [*refused, *(f'{name}: {remedy}' for name, remedy in model.left_out.items())]
    if not blocks:
        raise ValueError(f'nothing of {model.name} runs here: {"; ".join(unable)}')
    with reporting('round', options.rounds) as report:
        measured = measure_blocks(blocks, rounds=options.rounds, progress=report)
    energies, no_energy = _energies(blocks, powercap)
    profile = _profile(options.app, model, blocks, measured, energies)
    used = {block.engine.name: block.engine for block in blocks}
    ran = {point.subnet_id for point in profile.points}
    conditions = Conditions.here(
        [each for each in everyone if each.kept.subnet_id in ran],
        used.values(),
        now=datetime.now(timezone.utc),
    )
    stored = StoredProfile(profile, conditions)
    stored.save(options.out)
    memory = _memory_bytes(blocks)
    if options.json:
        _write_figures(options.json, stored, memory, unable, no_energy, options.rounds)
    _show(model, stored, memory)
    for reason in unable:
        print(f'not measured: {reason}')
    how = f'unavailable: {no_energy}' if no_energy else 'of the CPU packages above idle'
    print(f'energy: {how}')
    print(f'{options.out} written', flush=True)
    return 0


def _threads(wanted: Sequence[int] | None) -> tuple[int, ...]:
    """Return the numbers of threads to measure, ascending."""
    most = len(os.sched_getaffinity(0))
    if wanted is None:
        return thread_counts(most)
    for count in wanted:
        if not 1 <= count <= most:
            raise ValueError(
                f'threads is {count}; expected 1 to {most}, the cores that this process may use'
            )
    return tuple(sorted(set(wanted)))


def say_if_busy() -> None:
    """Say it where other programs keep this machine busy: what is measured then holds for that."""
    load = os.getloadavg()[0]
    if load > BUSY:
        print(
            f'other programs keep this machine busy (load average {load:.1f}): '
            'latencies hold for a machine that is as busy',
            flush=True,
        )


def _energies(blocks: Sequence[Block], powercap: Path) -> tuple[Energies, str]:
    """Return the energies of each block, or why they are unavailable."""
    try:
        meter = EnergyMeter(powercap)
        seen = [block for block in blocks if block.place.processor == CPU]
        with reporting('energy of', sum(len(block.residents) for block in seen)) as report:
            energies = measure_energy(blocks, meter, report)
    except EnergyUnavailable as error:
        return [{} for _ in blocks], str(error)
    if all(math.isnan(energy_j) for each in energies for energy_j in each.values()):
        return energies, 'nothing on the CPU took more than the idle machine with other programs'
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
    points = tuple(point for each in profiles for point in each.points)
    sources = {each.energy_source for each in profiles}
    source = 'measured_rapl' if 'measured_rapl' in sources else 'unavailable'
    return replace(profiles[0], energy_source=source, points=points)


def _memory_bytes(blocks: Iterable[Block]) -> dict[tuple[str, str, str], int]:
    """Return the memory of each sub-network by its name, engine and processor.

    That of the first number of threads, if others share its memory; so the largest.
    """
    memory: dict[tuple[str, str, str], int] = {}
    for block in blocks:
        for each in block.residents:
            key = (each.kept.subnet_id, block.engine.name, block.place.processor)
            memory[key] = max(memory.get(key, 0), each.memory_bytes)
    return memory


def _write_figures(
    file: Path,
    stored: StoredProfile,
    memory: dict[tuple[str, str, str], int],
    unable: Sequence[str],
    no_energy: str,
    rounds: int,
) -> None:
    assert stored.measured_with is not None
    document = {
        'supernet': stored.profile.supernet,
        'measured_with': asdict(stored.measured_with) | {'rounds': rounds},
        'not_measured': list(unable),
        'energy_source': stored.profile.energy_source,
        'energy_unavailable': no_energy,
        'rows': [
            asdict(point) | {'memory_bytes': memory[point.key[:3]]}
            for point in stored.profile.points
        ],
    }
    write_json(file, document)


def _show(model: Model, stored: StoredProfile, memory: dict[tuple[str, str, str], int]) -> None:
    """Print the points, the fastest of each sub-network first."""
    assert stored.measured_with is not None
    table = Table(title=f'{model.name} on {stored.measured_with.host}')
    table.add_column('sub-network', no_wrap=True)
    for heading in ('engine', 'on', 'threads', 'precision'):
        table.add_column(heading)
    for heading in ('top-1', 'median ms', 'p95 ms', 'spread ms', 'MB', 'mJ'):
        table.add_column(heading, justify='right')
    for kept in model.kept:
        points = [each for each in stored.profile.points if each.subnet_id == kept.subnet_id]
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
    console = Console()
    # A pipe has no width of its own, and a table that is cut to fit 80 columns loses figures.
    (console if console.is_terminal else Console(width=120)).print(table)
