# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The fuzzer itself: it finds planted failures, minimises and stores them, and survives them."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import hypothesis
import pytest
from fuzzing.choices import Choices
from fuzzing.corpus import CORPUS, FAILURE, store, stored
from fuzzing.generate import fixed_inputs, inputs
from fuzzing.minimise import minimise
from fuzzing.progress import Progress
from fuzzing.registry import ENTRIES, shares
from fuzzing.target import BoundError, Target, check, signature
from fuzzing.worker import Observer

MOST_CORPUS_BYTES = 10**6
FOLDER = str(Path(__file__).resolve().parent)
ENVIRONMENT = os.environ | {
    'PYTHONPATH': os.pathsep.join([FOLDER, os.environ.get('PYTHONPATH', '')])
}


def planted(run, **bounds):
    return Target('planted', run, (b'seed',), **bounds)


def test_a_documented_exception_is_no_failure():
    def refuse(data):
        raise ValueError('value is 3; expected 1 or 2')

    check(planted(refuse), b'')


def test_another_exception_is_a_failure():
    def fail(data):
        raise OverflowError('int too large')

    with pytest.raises(OverflowError):
        check(planted(fail), b'')


def test_a_refusal_that_quotes_a_huge_input_is_a_failure():
    def refuse(data):
        raise ValueError('x' * 10**6)

    with pytest.raises(BoundError, match='text of ValueError has 1000000 characters'):
        check(planted(refuse), b'')


def test_an_input_that_takes_much_memory_is_a_failure():
    # Only what exceeds the peak so far is seen, and exec inherits the peak of the process that
    # forked: hence a process of its own, forked by a small shell.
    program = "Target('planted', lambda data: b'x' * (300 * 2**20), ())"
    program = f"from fuzzing.target import Target, check; check({program}, b'')"
    command = f'{shlex.join([sys.executable, "-c", program])}; exit $?'
    done = subprocess.run(
        ['sh', '-c', command], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert 'BoundError: memory grew by' in done.stderr
    assert 'expected at most 268435456' in done.stderr


def test_an_input_that_takes_much_time_is_a_failure():
    def spin(data):
        end_s = time.process_time() + 0.02
        while time.process_time() < end_s:
            pass

    with pytest.raises(BoundError, match='CPU time is'):
        check(planted(spin, cpu_s=0.01), b'')


def test_the_minimised_input_still_fails_and_is_plain():
    small = minimise(b'some text, BUG, more text', lambda data: b'BUG' in data)
    assert small == b'BUG'
    assert minimise(b'abcd', lambda data: len(data) == 4) == b'\0\0\0\0'


def test_a_failure_is_recorded_once_minimised_and_replayed(tmp_path):
    def fail(data):
        if b'!' in data:
            raise KeyError('planted')

    progress = Progress(tmp_path / 'progress', longest=100)
    failures = tmp_path / 'failures.jsonl'
    observe = Observer(planted(fail), progress=progress, failures=failures, corpus=tmp_path)
    for data in (b'fine', b'some!thing', b'other!'):
        observe(data)
    rows = [json.loads(line) for line in failures.read_text().splitlines()]
    assert len(rows) == 1
    assert 'KeyError at' in rows[0]['failure']
    assert stored('planted', tmp_path) == {rows[0]['input']: b'!'}
    assert rows[0]['input'].startswith('failure-')


def test_equal_failures_have_one_signature():
    def raised(error):
        try:
            raise error
        except Exception as caught:
            return signature(caught)

    assert raised(KeyError('a')) == raised(KeyError('b')) != raised(IndexError())
    assert raised(BoundError('took 3.1 s')) == raised(BoundError('took 12 s'))


def test_the_input_that_kills_a_process_is_known(tmp_path):
    file = tmp_path / 'progress'
    progress = Progress(file, longest=100)
    if (child := os.fork()) == 0:
        progress.begin(b'first')
        progress.begin(b'deadly')
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert (Progress(file).count, Progress(file).last) == (2, b'deadly')


def test_inputs_are_as_long_as_a_target_allows_and_differ():
    found = set()

    @hypothesis.settings(max_examples=200, derandomize=True, database=None)
    @hypothesis.given(inputs(planted(lambda data: None, longest=6)))
    def run(data):
        assert len(data) <= 6
        found.add(data)

    run()
    assert len(found) > 100


def test_fixed_inputs_are_the_same_in_every_run_and_begin_with_the_seeds():
    target = planted(lambda data: None, longest=6)
    first, again = (list(fixed_inputs(target, 200)) for _ in range(2))
    assert first == again
    assert first[0] == b'seed'
    assert max(map(len, first)) == 6
    assert len(set(first)) > 100


def test_decisions_after_the_end_of_the_bytes_are_the_first_ones():
    choices = Choices(b'\x01')
    assert choices.one_of('abc') == 'b'
    assert choices.ended
    assert choices.one_of('abc') == 'a'
    assert choices.integer(-5, 7) == -5


def test_shares_add_up():
    names = list(ENTRIES)
    assert sum(shares(1_000_000, names).values()) == 1_000_000
    assert shares(500, names[:1]) == {names[0]: 500}


def test_the_corpus_is_small_and_belongs_to_targets():
    files = [file for file in CORPUS.rglob('*') if file.is_file()]
    assert sum(file.stat().st_size for file in files) < MOST_CORPUS_BYTES
    assert {file.parent.name for file in files} <= ENTRIES.keys()


def test_stored_inputs_are_found_by_name(tmp_path):
    file = store('planted', b'some', kind=FAILURE, corpus=tmp_path)
    assert stored('planted', tmp_path) == {file.name: b'some'}


@pytest.mark.parametrize('engine', ['hypothesis', 'atheris'])
def test_the_command_prints_inputs_and_failures(engine, tmp_path):
    if engine == 'atheris':
        pytest.importorskip('atheris', reason='atheris has no wheel for this machine')
    result = tmp_path / 'result.json'
    command = [sys.executable, '-m', 'fuzzing', '--engine', engine, '--target', 'training_log']
    command += ['--runs', '300', '--json', str(result)]
    environment = ENVIRONMENT | {'FUZZ_WORK': str(tmp_path / 'work')}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads(result.read_text())
    assert row['inputs'] >= 300
    assert row['failures'] == []
    assert '| training_log |' in done.stdout
