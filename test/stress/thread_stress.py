# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Stress the threads of the perception node: mailbox, resident set, loader and worker together.

Frames and commands arrive from two threads, 1,000 commands a second among sub-networks and cascades
of which some are evicted all the time, while every lock waits a random time before and after it is
taken. Afterwards every frame and every command must be accounted for:

    python test/stress/thread_stress.py --minutes 10
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from small_model import LABELS, save_random_model

from dynofa_ros.engine import Classifier, CompiledCache, Mailbox, Place, ResidentSet, networks
from dynofa_ros.engine import mailbox as mailbox_module
from dynofa_ros.engine import resident_set as resident_set_module
from dynofa_ros.engine.resident_set import Loader
from dynofa_ros.nodes.perception.frame_runner import FrameRunner
from dynofa_ros.nodes.perception.stage_runner import StageRunner
from dynofa_ros.nodes.perception.stages import CalibratedCascade, Stages, StageSet
from dynofa_ros.nodes.perception.subnet_commands import SubnetCommands
from dynofa_ros.nodes.perception.worker import PerceptionWorker
from dynofa_ros.nodes.perception.worker_types import Arrival, Running, SubnetRequest
from dynofa_ros.runtime import Cascade, OperatingPoint, Profile
from dynofa_ros.supernet import load_model

COMMANDS_HZ = 1000.0
FRAMES_HZ = 400.0
THREADS = 4
LONGEST_DELAY_S = 2e-4
SUBNET_BYTES = 1000


class DelayedLock:
    """A lock that waits a random time before and after it is taken."""

    def __init__(self) -> None:
        self._lock = real_lock()
        self._random = random.Random(0)

    def _delay(self) -> None:
        if self._random.random() < 0.5:
            time.sleep(self._random.random() * LONGEST_DELAY_S)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Acquire like threading.Lock."""
        self._delay()
        taken = self._lock.acquire(blocking, timeout)
        self._delay()
        return taken

    def release(self) -> None:
        """Release like threading.Lock."""
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


real_lock, real_condition = threading.Lock, threading.Condition


@contextmanager
def delayed_locks() -> Iterator[None]:
    """Give mailbox and resident set locks with delays."""
    threads = SimpleNamespace(**vars(threading))
    threads.Lock = DelayedLock
    threads.Condition = lambda: real_condition(DelayedLock())
    with (
        mock.patch.object(mailbox_module, 'threading', threads),
        mock.patch.object(resident_set_module, 'threading', threads),
    ):
        yield


class CountingEngine:
    """An engine whose sub-networks answer at once with a class of their own, and take memory."""

    name, version, processors = 'counting', '1', ('cpu',)

    def __init__(self) -> None:
        self.compiled = 0
        self.bytes = 0

    def precision(self, network: Any, processor: str) -> str:
        """Return float32."""
        return 'float32'

    def compile(self, network: Any, place: Place) -> Any:
        """Return a runner that fails on an input of another sub-network's resolution."""
        self.compiled += 1
        self.bytes += SUBNET_BYTES
        shape = network.shape
        logits = np.arange(len(LABELS), dtype=np.float32)

        def run(x: Any) -> Any:
            if x.shape != shape:
                raise AssertionError(f'input of shape {x.shape} for a network of {shape}')
            return logits

        return run


@dataclass
class Outcome:
    """Counts of one run; `problems` is empty if nothing was lost."""

    seconds: float
    frames_sent: int
    frames_classified: int
    frames_dropped: int
    frames_refused: int
    commands_sent: int
    commands_acknowledged: int
    frames_of_others: int  # that ran another than the commanded sub-network
    frames_escalated: int
    switches: int
    compilations: int
    problems: list[str]


class Recorder:
    """Listener of the worker."""

    def __init__(self) -> None:
        self.classified = self.dropped = self.refused = self.others = 0
        self.escalated = self.early = 0
        self.acknowledged: Counter[int] = Counter()
        self.refusals: Counter[str] = Counter()
        self.running: Running | None = None
        self.sequences: list[int] = []

    def on_early(self, answer: Any) -> None:
        """Count an answer that a later stage may correct."""
        self.early += 1

    def on_result(self, result: Any) -> None:
        """Count a frame and those dropped before it."""
        self.classified += 1
        self.dropped += result.dropped
        self.refused += result.refused
        self.others += bool(result.ran.reason)
        self.escalated += len(result.ran.stages) > 1
        self.sequences.append(result.sequence)

    def on_running(self, running: Running) -> None:
        """Count the acknowledgements of each command."""
        self.running = running
        self.acknowledged[running.command_sequence] += 1

    def on_refused(self, name: str, detail: str) -> None:
        """Count a refusal by its text."""
        self.refusals[f'{name}: {detail}'] += 1


def run(seconds: float, *, seed: int = 0) -> Outcome:
    """Stress the threads for some seconds, and account for every frame and command."""
    folder = Path(tempfile.mkdtemp(prefix='dynofa_stress_'))
    model = load_model(str(save_random_model(folder / 'model')))
    engine = CountingEngine()
    recorder = Recorder()
    with (
        delayed_locks(),
        mock.patch.object(resident_set_module, 'allocated_bytes', lambda: engine.bytes),
    ):
        # Room for half of the places: the other half is compiled and evicted all the time.
        budget_bytes = SUBNET_BYTES * len(model.kept) * THREADS // 2
        residents = ResidentSet(
            networks(model, CompiledCache(folder / 'cache')), engine, budget_bytes=budget_bytes
        )
        cascades = cascades_of(residents)
        first = residents.load(model.kept[0].subnet_id, Place('cpu', 1))
        residents.use(first)
        mailbox: Any = Mailbox()
        commands = SubnetCommands(
            classifier=Classifier(first, LABELS),
            compiled=StageSet(residents, cascades),
            active=Stages((first,)),
            loader=Loader(residents),
            mailbox=mailbox,
            listener=recorder,
            processors={'cpu': THREADS},
            running=Running(first.kept.subnet_id, 'cpu', 1, float('nan'), 0.0, 'start'),
            profile=replace(
                profile_of(residents), cascades=tuple(each.cascade for each in cascades)
            ),
        )
        worker = PerceptionWorker(commands, FrameRunner(StageRunner(commands, publish_early=True)))
        worker_thread = threading.Thread(target=worker.run)
        worker_thread.start()
        sent = Counter[str]()
        requests: list[SubnetRequest] = []
        end_s = time.monotonic() + seconds
        threads = [
            threading.Thread(target=_send_frames, args=(worker, sent, end_s, seed)),
            threading.Thread(
                target=_send_commands,
                args=(mailbox, residents, cascades, requests, end_s, seed),
            ),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _wait_until_idle(recorder, requests)
        _send_frame(worker, sent, (24, 32))  # the last command is a cascade without a deadline
        _wait_until(lambda: recorder.escalated > 0)
        worker.stop()
        worker_thread.join(timeout=60)
    # Frames dropped or refused since the last result have not been reported yet.
    unreported = worker.frames.dropped + worker.frames.refused + mailbox._latest._replaced
    unreported += bool(mailbox._latest)
    problems = _problems(recorder, sent['frames'], requests, worker, unreported)
    if worker_thread.is_alive():
        problems.append('the worker did not stop')
    if residents.memory_bytes > budget_bytes + 2 * SUBNET_BYTES:
        problems.append(f'{residents.memory_bytes} bytes resident; expected {budget_bytes}')
    return Outcome(
        seconds=seconds,
        frames_sent=sent['frames'],
        frames_classified=recorder.classified,
        frames_dropped=recorder.dropped,
        frames_refused=recorder.refused,
        commands_sent=len(requests),
        commands_acknowledged=sum(
            request.sequence in recorder.acknowledged for request in requests
        ),
        frames_of_others=recorder.others,
        frames_escalated=recorder.escalated,
        switches=recorder.running.switches if recorder.running else 0,
        compilations=engine.compiled,
        problems=problems,
    )


def profile_of(residents: ResidentSet) -> Profile:
    """Return a profile in which a sub-network takes the longer the later it comes."""
    points = tuple(
        OperatingPoint(
            subnet_id=subnet_id,
            engine='counting',
            processor='cpu',
            threads=threads,
            frequency_hz=float('nan'),
            latency_s=1e-3 * (index + 1) / threads,
            latency_std_s=0.0,
            energy_j=float('nan'),
            accuracy=0.1 * (index + 1),
            flops=1,
            parameters=1,
        )
        for index, subnet_id in enumerate(residents.networks)
        for threads in range(1, THREADS + 1)
    )
    return Profile('camera', 'supernet', 'board', 'measured', 'unavailable', points)


def cascades_of(residents: ResidentSet) -> tuple[CalibratedCascade, ...]:
    """Return a cascade of two stages that escalates every image, and one of three."""
    names = tuple(residents.networks)
    return tuple(
        CalibratedCascade(
            Cascade(
                cascade_id='+'.join(stages),
                stages=stages,
                thresholds=(1.0,) * (len(stages) - 1),
                reached=(1.0,) * (len(stages) - 1),
                accuracy=0.2,
                answer_accuracy=(0.2,) * len(stages),
                early_accuracy=(0.1,) * (len(stages) - 1),
            ),
            temperatures=(1.0,) * (len(stages) - 1),
        )
        for stages in (names[:2], names)
    )


def _send_frames(worker: PerceptionWorker, sent: Counter[str], end_s: float, seed: int) -> None:
    """Send images of changing sizes, every tenth of them damaged."""
    rng = random.Random(seed)
    next_s = time.monotonic()
    while time.monotonic() < end_s:
        size = rng.choice([(24, 32), (40, 40), (33, 21)])
        _send_frame(worker, sent, size, encoding='nonsense' if rng.random() < 0.1 else 'bgr8')
        next_s += 1 / FRAMES_HZ
        time.sleep(max(next_s - time.monotonic(), 0.0))


def _send_frame(
    worker: PerceptionWorker, sent: Counter[str], size: tuple[int, int], *, encoding: str = 'bgr8'
) -> None:
    height, width = size
    message = SimpleNamespace(
        encoding=encoding,
        height=height,
        width=width,
        step=3 * width,
        data=bytes(3 * width * height),
        is_bigendian=0,
    )
    arrival = Arrival(message, arrived_s=time.monotonic(), age_s=0.0)
    worker.commands.mailbox.put_frame(worker.frames.prepare_early(arrival, period_s=1 / FRAMES_HZ))
    sent['frames'] += 1


def _send_commands(
    mailbox: Any,
    residents: ResidentSet,
    cascades: tuple[CalibratedCascade, ...],
    requests: list[SubnetRequest],
    end_s: float,
    seed: int,
) -> None:
    """Command random sub-networks, cascades and thread counts, now and then an impossible one."""
    rng = random.Random(seed + 1)
    runnable = [*residents.networks, *(each.cascade.cascade_id for each in cascades)]
    names = [*runnable, 'no such sub-network']
    weights = [20] * (len(names) - 1) + [1]
    next_s = time.monotonic()
    while time.monotonic() < end_s:
        request = SubnetRequest(
            sequence=len(requests) + 1,
            subnet_id=rng.choices(names, weights)[0],
            threads=rng.randint(1, THREADS),
            deadline_s=10 ** rng.uniform(-3, -1),
            envelope=tuple((each, rng.randint(0, THREADS)) for each in rng.sample(runnable, 2)),
            deadline_probability=0.95,
            objective='max_accuracy',
        )
        requests.append(request)
        mailbox.put_command(request)
        next_s += 1 / COMMANDS_HZ
        time.sleep(max(next_s - time.monotonic(), 0.0))
    last = SubnetRequest(len(requests) + 1, runnable[-1], threads=1)
    requests.append(last)
    mailbox.put_command(last)


def _wait_until_idle(recorder: Recorder, requests: list[SubnetRequest]) -> None:
    """Wait until the last command is applied; its compilation may still be running."""

    def idle() -> bool:
        running = recorder.running
        return running is not None and (
            running.command_sequence == requests[-1].sequence and running.command_applied
        )

    _wait_until(idle)
    time.sleep(0.1)


def _wait_until(ready: Callable[[], bool]) -> None:
    """Wait until something is true, at most a minute."""
    end_s = time.monotonic() + 60
    while not ready() and time.monotonic() < end_s:
        time.sleep(0.01)


def _problems(
    recorder: Recorder,
    frames: int,
    requests: list[SubnetRequest],
    worker: PerceptionWorker,
    unreported: int,
) -> list[str]:
    problems = []
    accounted = recorder.classified + recorder.dropped + recorder.refused + unreported
    if accounted != frames:
        problems.append(f'{frames} frames sent; {accounted} accounted for')
    if recorder.sequences != list(range(1, recorder.classified + 1)):
        problems.append('frames were not numbered in order')
    missing = [each.sequence for each in requests if each.sequence not in recorder.acknowledged]
    if missing:
        problems.append(f'{len(missing)} commands were never acknowledged, first {missing[0]}')
    running, last = worker.commands.running, requests[-1]
    expected = (last.sequence, True, last.subnet_id, last.threads)
    found = (
        running.command_sequence,
        running.command_applied,
        running.subnet_id,
        running.threads,
    )
    if found != expected:
        problems.append(f'the last command left {found}; expected {expected}')
    stages = worker.commands.compiled.subnet_ids(last.subnet_id)
    active = [each.key for each in worker.commands.active.residents]
    if active != [(each, Place('cpu', last.threads)) for each in stages]:
        problems.append(f'{active} is active; expected the last command')
    if not recorder.early or not recorder.escalated:
        problems.append(f'{recorder.escalated} frames escalated, {recorder.early} early answers')
    unexpected = [
        text for text in recorder.refusals if 'nonsense' not in text and 'no such' not in text
    ]
    if unexpected:
        problems.append(f'refused: {unexpected[0]}')
    return problems


def main(arguments: list[str] | None = None) -> int:
    """Run the stress and print its counts as JSON; return 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(arguments)
    outcome = run(options.minutes * 60, seed=options.seed)
    print(json.dumps(asdict(outcome), indent=1))
    return 1 if outcome.problems else 0


if __name__ == '__main__':
    sys.exit(main())
