# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Speed of concurrent jobs on a CPU of 4 cores with a contention of 0.5."""

import pytest

from dynofa_ros.simulation.events import EventQueue
from dynofa_ros.simulation.processor import Job, SimulatedProcessor


@pytest.fixture
def run(board):
    """Run (share of the cores, latency without contention) jobs; return end times and energies."""

    def run_jobs(*jobs, co_runner=0.0):
        queue, done_s, synced_s = EventQueue(), {}, [0.0]

        def sync():
            processor.advance(queue.now_s - synced_s[0])
            synced_s[0] = queue.now_s

        processor = SimulatedProcessor(board, 'cpu', queue, sync=sync)
        processor.co_runner_utilisation = co_runner

        def finish(job):
            done_s[id(job)] = queue.now_s
            processor.remove(job)
            processor.replan(2e9)

        made = [Job({2e9: latency_s}, share, 1.0, finish) for share, latency_s in jobs]
        for job in made:
            processor.add(job)
        processor.replan(2e9)
        queue.run_until(100.0)
        return [done_s[id(job)] for job in made], [job.energy_j for job in made]

    return run_jobs


def test_a_job_without_contention_takes_its_latency(run):
    assert run((1.0, 0.2))[0] == [pytest.approx(0.2)]


def test_each_job_slows_the_other_by_the_cores_it_uses(run):
    # 1 + 0.5 x 1/4 and 1 + 0.5 x 3/4, until the shorter one is done.
    done_s, _ = run((0.75, 0.1), (0.25, 10.0))
    assert done_s[0] == pytest.approx(0.1125)
    assert done_s[1] == pytest.approx(0.1125 + 10.0 - 0.1125 / 1.375)


def test_slowdowns_of_three_jobs_and_a_co_runner_add_up(run):
    done_s, _ = run((1.0, 0.1), (1.0, 0.1), (1.0, 0.1), co_runner=0.5)
    assert done_s == [pytest.approx(0.1 * (1 + 0.5 * 2.5))] * 3


def test_energy_is_that_of_the_work_on_the_cores_used(run):
    # 8 W above idle with all cores busy at 2 GHz.
    for jobs in ([(1.0, 0.1)], [(1.0, 0.1), (1.0, 0.1)]):
        assert run(*jobs)[1][0] == pytest.approx(8.0 * 0.1)
    assert run((0.25, 0.1))[1][0] == pytest.approx(8.0 * 0.1 / 4)


def test_jobs_that_end_at_the_same_time_all_end(run):
    assert run((0.5, 0.1), (0.5, 0.1))[0] == [pytest.approx(0.125)] * 2
