# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""`dynofa simulate`: run one simulation, print its figures and write them to files."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from dynofa_ros.atomic_file import atomic_write, without_nan
from dynofa_ros.simulation.result import ApplicationResult, Result
from dynofa_ros.simulation.simulator import simulate


def run_simulation(options: argparse.Namespace) -> int:
    """Run one simulation with the options of `commands/simulate.py`.

    Raises ValueError for wrong input and for a file that cannot be written.
    """
    started_s = time.perf_counter()
    with ExitStack() as files:
        # Both are opened before the simulation, so that an unwritable file is reported at once.
        figures, lines = (
            files.enter_context(_replaced(path)) if path else None
            for path in (options.json, options.trace)
        )

        def trace(event: dict[str, object]) -> None:
            assert lines is not None
            lines.write(json.dumps(without_nan(event), allow_nan=False) + '\n')

        result = simulate(
            options.platform,
            options.scenario,
            options.policy,
            options.seed,
            profile_error=options.profile_error,
            latency_distribution=options.latency_distribution,
            trace=trace if lines else None,
        )
        if figures:
            json.dump(result.document(), figures, indent=1, allow_nan=False)
            figures.write('\n')
    print(_summary(result))
    print(f'{result.frames} frames simulated in {time.perf_counter() - started_s:.2f} s')
    return 0


@contextmanager
def _replaced(file: Path) -> Iterator[TextIO]:
    with atomic_write(file) as partial, partial.open('w', encoding='utf-8') as stream:
        yield stream


def _summary(result: Result) -> str:
    """Return the figures as text."""
    changes = sum(result.clock_changes.values())
    lines = [
        f'{result.scenario} on {result.platform}, {result.policy}, seed {result.seed}: '
        f'{result.duration_s:g} s simulated, profile error {result.profile_error:g}, '
        f'{result.latency_distribution} latencies',
        f'board    {result.energy_j:.1f} J, {result.power_w:.2f} W, '
        f'{result.energy_per_frame_j:.3f} J per frame; {changes} frequency changes',
    ]
    if result.remarks:
        lines.append(f'remarks  {"; ".join(result.remarks)}')
    lines += [_application(name, each) for name, each in result.applications.items()]
    if not math.isnan(result.battery):
        lines.append(f'battery  {result.battery:.1%} left')
    throttled = [f'{name} {s:.1f} s' for name, s in result.throttled_s.items() if s > 0.0]
    if throttled:
        lines.append(f'thermally throttled: {", ".join(throttled)}')
    return '\n'.join(lines)


def _application(name: str, figures: ApplicationResult) -> str:
    return (
        f'{name:8} {figures.frames} frames of {figures.arrived} images, {figures.misses} late '
        f'({figures.miss_rate:.1%}), {figures.dropped} dropped; latency p50 '
        f'{figures.latency_p50_s * 1e3:.1f} ms, p95 {figures.latency_p95_s * 1e3:.1f} ms; accuracy '
        f'{figures.accuracy:.2%}; {figures.energy_per_frame_j:.3f} J per frame above idle; '
        f'{figures.switches} switches'
    )
