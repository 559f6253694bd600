# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Command line of scripts/fuzz: fuzz the targets one after the other, and print a table."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzzing.corpus import FAILURE, store
from fuzzing.progress import Progress
from fuzzing.registry import ENTRIES, shares
from fuzzing.scratch import scratch_folder
from fuzzing.worker import HANGS_S

WORK = Path(os.environ.get('FUZZ_WORK') or Path(__file__).resolve().parents[3] / 'build' / 'fuzz')
DEFAULT_RUNS = 100_000
STARTS_S = 120
"""Time in which a target has to be ready, in addition to the time that one input may hang [s]."""
MOST_DEATHS = 5


@dataclass(frozen=True)
class Outcome:
    """What fuzzing a target found."""

    target: str
    inputs: int
    seconds: float
    failures: tuple[str, ...]


def engine() -> tuple[str, str]:
    """Return the engine that this Python has, and why it is not atheris."""
    if importlib.util.find_spec('atheris') is not None:
        return 'atheris', ''
    return 'hypothesis', (
        f'atheris is not installed for Python {platform.python_version()} on {platform.machine()}, '
        'so that inputs are not guided by coverage; there are wheels for Python 3.10 to 3.14 on '
        'Linux, x86_64: pip install atheris'
    )


def fuzz(name: str, *, runs: int, seconds: int, seed: int, engine_name: str) -> Outcome:
    """Fuzz a target in processes of its own; an input that kills one is a failure, too."""
    work = WORK / name
    (work / 'failures.jsonl').unlink(missing_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    started_s, inputs = time.monotonic(), 0
    for death in range(MOST_DEATHS):
        (work / 'progress').unlink(missing_ok=True)
        left_s = max(seconds - int(time.monotonic() - started_s), 1) if seconds else 0
        command = [sys.executable, '-m', 'fuzzing.worker', name, '--engine', engine_name]
        command += ['--runs', str(max(runs - inputs, 0)), '--seconds', str(left_s)]
        command += ['--seed', str(seed + death), '--work', str(work)]
        ended = _watch(command, work)
        if (work / 'progress').exists():
            progress = Progress(work / 'progress')
            inputs += progress.count
        elif ended:
            _note(work, f'{name} cannot start: see {work / "log"}', '')
            break
        if not ended or (runs and inputs >= runs and ended == 0):
            break
        file = store(name, progress.last, kind=FAILURE)
        _note(work, f'the process ended: {ended}', file.name)
    return Outcome(name, inputs, time.monotonic() - started_s, _failures(work))


def _watch(command: Sequence[str], work: Path) -> str:
    """Run a process; return why it died, empty if it ended by itself."""
    with scratch_folder() as scratch, (work / 'log').open('wb') as log:
        environment = os.environ | {'TMPDIR': str(scratch)}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        count, changed_s = -1, time.monotonic()
        try:
            while process.poll() is None:
                time.sleep(0.2)
                file = work / 'progress'
                now = Progress(file).count if file.exists() and file.stat().st_size else -1
                if now != count:
                    count, changed_s = now, time.monotonic()
                elif time.monotonic() - changed_s > HANGS_S + STARTS_S:
                    process.kill()
                    process.wait()
                    return f'one input takes over {HANGS_S} s'
        finally:
            if process.poll() is None:
                process.kill()
    return f'exit code {process.returncode}' if process.returncode else ''


def _note(work: Path, failure: str, file: str) -> None:
    with (work / 'failures.jsonl').open('a') as stream:
        stream.write(json.dumps({'failure': failure, 'input': file, 'text': ''}) + '\n')


def _failures(work: Path) -> tuple[str, ...]:
    file = work / 'failures.jsonl'
    if not file.exists():
        return ()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return tuple(f'{row["failure"]} ({row["input"]})' for row in rows)


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the inputs and failures of each target as a Markdown table."""
    lines = ['| target | inputs | inputs/s | failures |', '|---|---:|---:|---|']
    lines += [
        f'| {each.target} | {each.inputs} | {each.inputs / max(each.seconds, 1e-9):.0f} '
        f'| {"<br>".join(each.failures) or "none"} |'
        for each in outcomes
    ]
    lines.append(f'| all | {sum(each.inputs for each in outcomes)} | | |')
    return '\n'.join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, print the table, and return 1 if there was a failure."""
    parser = argparse.ArgumentParser(prog='scripts/fuzz', description=__doc__)
    add = parser.add_argument
    add('--target', action='append', choices=ENTRIES, help='a target, repeatable (default: all)')
    add('--runs', type=int, help=f'inputs in all (default: {DEFAULT_RUNS}, or no limit)')
    add('--seconds', type=int, default=0, help='limit on the time of each target [s]')
    add('--seed', type=int, default=1, help='seed of the random numbers')
    add('--engine', choices=('atheris', 'hypothesis'), help='default: atheris if installed')
    add('--json', type=Path, help='write the table as JSON, too')
    parsed = parser.parse_args(arguments)
    names = parsed.target or list(ENTRIES)
    chosen, why_not = engine()
    chosen = parsed.engine or chosen
    print(f'fuzz: {chosen}' + (f': {why_not}' if why_not and not parsed.engine else ''))
    runs = parsed.runs or (0 if parsed.seconds else DEFAULT_RUNS)
    counts = shares(runs, names) if runs else dict.fromkeys(names, 0)
    os.nice(10)
    outcomes = []
    for name in names:
        outcome = fuzz(
            name, runs=counts[name], seconds=parsed.seconds, seed=parsed.seed, engine_name=chosen
        )
        outcomes.append(outcome)
        print(f'fuzz: {name}: {outcome.inputs} inputs in {outcome.seconds:.0f} s')
        for each in outcome.failures:
            print(f'fuzz: {name}: FAILED: {each}', flush=True)
    print(table(outcomes))
    if parsed.json:
        rows = [vars(each) for each in outcomes]
        parsed.json.write_text(json.dumps(rows, indent=1) + '\n')
    return int(any(each.failures for each in outcomes))


if __name__ == '__main__':
    sys.exit(main())
