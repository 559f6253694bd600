# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The process that fuzzes one target: with atheris, guided by coverage, or with hypothesis.

A failure is recorded once, minimised, and fuzzing goes on. What kills the process is recorded by
the process that started it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzzing.corpus import CORPUS, FAILURE, store, stored
from fuzzing.minimise import minimise
from fuzzing.progress import Progress
from fuzzing.registry import make_target
from fuzzing.target import Target, check, check_all, limit_address_space, signature

INSTRUMENTED = ['dynofa_ros', 'rosbags']
# Called from C, where an instrumented function reports an error in its own name.
NOT_INSTRUMENTED = ['dynofa_ros.msg']
HANGS_S = 120
BATCH = 2000  # examples of one hypothesis run


class Observer:
    """Runs inputs, and records each kind of failure once."""

    def __init__(self, target: Target, *, progress: Progress, failures: Path, corpus: Path) -> None:
        self._target, self._progress = target, progress
        self._failures, self._corpus = failures, corpus
        self._counts: Counter[str] = Counter()

    def __call__(self, data: bytes) -> None:
        """Run one input. Raises nothing."""
        self._progress.begin(data)
        error = failure(self._target, data)
        if error is None:
            return
        name = signature(error)
        self._counts[name] += 1
        if self._counts[name] == 1:
            self._record(name, error, data)

    def _record(self, name: str, error: BaseException, data: bytes) -> None:
        def fails(changed: bytes) -> bool:
            other = failure(self._target, changed)
            return other is not None and signature(other) == name

        # An error that needs an earlier input is kept as it is.
        small = minimise(data, fails, attempts=600) if fails(data) else data
        file = store(self._target.name, small, kind=FAILURE, corpus=self._corpus)
        text = ''.join(traceback.format_exception(error)[-8:])
        row = {'failure': name, 'input': file.name, 'text': text}
        with self._failures.open('a') as stream:
            stream.write(json.dumps(row) + '\n')


def failure(target: Target, data: bytes) -> Exception | None:
    """Run one input; return what it raises though it should not."""
    try:
        check(target, data)
    except Exception as error:
        return error
    return None


def fuzz_with_atheris(
    make: Callable[[], tuple[Target, Observer]], arguments: argparse.Namespace
) -> None:
    """Let libFuzzer choose the inputs; it ends the process."""
    atheris: Any = importlib.import_module('atheris')
    with atheris.instrument_imports(include=INSTRUMENTED, exclude=NOT_INSTRUMENTED):
        target, observe = make()
    found = arguments.work / 'found'
    seeds = arguments.work / 'seeds'
    for folder in (found, seeds):
        folder.mkdir(exist_ok=True)
    known = (*target.seeds, *stored(target.name).values())
    for index, data in enumerate(known):
        (seeds / f'{index:04d}').write_bytes(data)
    options = {
        'runs': arguments.runs or -1,
        'max_total_time': arguments.seconds,
        'seed': arguments.seed,
        'timeout': HANGS_S,
        'rss_limit_mb': 0,
        'max_len': target.longest,
        'len_control': 0,
        'verbosity': 1,
    }
    atheris.Setup(
        [
            sys.argv[0],
            *(f'-{key}={value}' for key, value in options.items()),
            str(found),
            str(seeds),
        ],
        observe,
    )
    atheris.Fuzz()


def fuzz_with_hypothesis(
    make: Callable[[], tuple[Target, Observer]], arguments: argparse.Namespace
) -> None:
    """Let hypothesis choose the inputs."""
    import hypothesis

    from fuzzing.generate import inputs

    target, observe = make()
    end_s = time.monotonic() + arguments.seconds if arguments.seconds else float('inf')
    done = batch = 0
    while (not arguments.runs or done < arguments.runs) and time.monotonic() < end_s:
        count = min(BATCH, arguments.runs - done) if arguments.runs else BATCH

        @hypothesis.seed(arguments.seed * 1_000_003 + batch)
        @hypothesis.settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(inputs(target))
        def run(data: bytes) -> None:
            observe(data)

        run()
        done, batch = done + count, batch + 1


def main(arguments: list[str] | None = None) -> None:
    """Fuzz one target until the given number of inputs or seconds."""
    parser = argparse.ArgumentParser(prog='fuzzing.worker')
    parser.add_argument('target')
    parser.add_argument('--engine', choices=('atheris', 'hypothesis'), required=True)
    parser.add_argument('--runs', type=int, default=0)
    parser.add_argument('--seconds', type=int, default=0)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--work', type=Path, required=True)
    parser.add_argument('--corpus', type=Path, default=CORPUS)
    parser.add_argument('--replay', type=Path, help='run this one input, and raise what it raises')
    parsed = parser.parse_args(arguments)
    if parsed.replay:
        target = make_target(parsed.target)
        limit_address_space()
        check(target, parsed.replay.read_bytes())
        return

    def make() -> tuple[Target, Observer]:
        target = make_target(parsed.target)
        check_all(target, target.seeds)
        limit_address_space()
        progress = Progress(parsed.work / 'progress', longest=max(target.longest, 2**16))
        failures = parsed.work / 'failures.jsonl'
        return target, Observer(target, progress=progress, failures=failures, corpus=parsed.corpus)

    fuzz = fuzz_with_atheris if parsed.engine == 'atheris' else fuzz_with_hypothesis
    fuzz(make, parsed)


if __name__ == '__main__':
    main()
