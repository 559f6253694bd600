# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A worker that runs cascades: which stages run, what goes out, and what a command does."""

import math
from dataclasses import replace

import pytest
from worker_bench import BAD_ENCODING, CASCADE, HOST, THREE, Bench, Platform

from dynofa_ros.engine import EngineError, Place
from dynofa_ros.nodes.perception.processor_turn import MachineTurns
from dynofa_ros.nodes.perception.stage_runner import compared_text
from dynofa_ros.runtime import DomainObservation

NAME = CASCADE.cascade.cascade_id
NEVER_LATE, TOO_LATE = 1.0, 0.62
"""Deadlines: a first stage is done after 0.56 s, the second needs 0.08 s of overhead and 0.04 s."""


def commanded(name=NAME, *, model=None, deadline_s=math.nan, **scores):
    """Return a worker with a commanded cascade, and the score of each sub-network."""
    bench = Bench(model, cascades=(CASCADE, THREE))
    bench.classifier.scores = scores
    assert bench.command(subnet_id=name, deadline_s=deadline_s).command_applied
    return bench


def ran(bench):
    return [subnet_id for subnet_id, _ in bench.classifier.classified]


def test_a_sure_answer_of_the_first_stage_stands():
    bench = commanded(small=0.9)
    result = bench.frame()
    assert ran(bench) == ['small']
    assert result.ran.key == (NAME, 'torch', 'cpu', 2)
    assert result.ran.stages == (('small', 0.02),)
    assert (result.ran.answered, result.ran.first_score, result.ran.accuracy) == (1, 0.9, 0.6)
    assert result.ran.escalation == 'score 0.90, at least 0.5'
    assert result.latency_s == pytest.approx(0.5 + 0.01 + 0.02 + 0.03)


def test_an_unsure_frame_is_escalated():
    bench = commanded(small=0.41, large=0.7)
    result = bench.frame()
    assert ran(bench) == ['small', 'large']
    assert result.classified.prediction.labels == ('dog',)
    assert result.ran.stages == (('small', 0.02), ('large', 0.04))
    assert (result.ran.answered, result.ran.first_score, result.ran.accuracy) == (2, 0.41, 0.35)
    assert result.ran.escalation == 'score 0.41, below 0.5'
    assert bench.classifier.temperatures == [1.7]


def test_the_times_of_a_frame_are_those_of_all_its_stages():
    result = commanded(small=0.41).frame()
    parts = result.classified
    assert parts.preprocess_s == pytest.approx(0.01 + 0.005)
    assert parts.inference_s == pytest.approx(0.02 + 0.04)
    assert parts.postprocess_s == pytest.approx(0.03 + 0.03)
    assert result.latency_s == pytest.approx(0.5 + 0.015 + 0.06 + 0.06)


def test_a_score_at_the_threshold_is_not_escalated():
    bench = commanded(small=0.5)
    assert bench.frame().ran.escalation == 'score 0.500000, at least 0.5'


@pytest.mark.parametrize(
    ('score', 'text'),
    [(0.9312, 'score 0.93, at least 0.74'), (0.7399, 'score 0.739900, below 0.74')],
)
def test_the_reason_tells_a_score_from_its_threshold(score, text):
    assert compared_text(score, 0.74) == text


def test_an_early_answer_goes_out_in_time_where_the_next_stage_would_be_late():
    bench = commanded(deadline_s=TOO_LATE, small=0.41)
    result = bench.frame()
    assert ran(bench) == ['small']
    assert (result.ran.answered, result.ran.accuracy) == (1, 0.2)
    assert result.ran.escalation.startswith('score 0.41, below 0.5; large needs ')
    assert result.ran.escalation.endswith(' ms of 20.0 ms left')
    assert result.deadline_met


def test_a_frame_is_escalated_where_the_next_stage_is_in_time():
    bench = commanded(deadline_s=NEVER_LATE, small=0.41)
    assert bench.frame().ran.answered == 2


def test_the_wait_of_an_image_leaves_less_time_to_the_next_stage():
    bench = commanded(deadline_s=0.72, small=0.41)
    assert bench.frame().ran.answered == 2
    bench.frames.deadline_from = 'stamp'  # images are 0.1 s old
    assert bench.frame().ran.answered == 1


@pytest.mark.parametrize(('slow', 'answered'), [(1.0, 2), (1.3, 1)])
def test_a_stage_is_late_by_its_own_time(slow, answered):
    """Its own frames tell a node that the large sub-network alone takes longer than profiled."""
    bench = commanded(small=0.41)
    bench.classifier.slow = {'large': slow}
    for _ in range(10):
        bench.frame()
    bench.command(sequence=2, subnet_id=NAME, deadline_s=0.645)  # 50 ms for the large one
    assert bench.frame().ran.answered == answered


def test_a_stage_of_unknown_time_does_not_run_before_a_deadline():
    bench = commanded(small=0.41)
    bench.command(sequence=2, subnet_id=NAME, threads=3, deadline_s=NEVER_LATE)  # not profiled
    assert bench.frame().ran.escalation.startswith(
        'score 0.41, below 0.5; large needs an unknown time of '
    )


@pytest.mark.parametrize(
    ('scores', 'answered', 'accuracy', 'escalation'),
    [
        ({'small': 0.9}, 1, 0.6, 'score 0.90, at least 0.5'),
        ({'small': 0.4}, 2, 0.45, 'score 0.40, below 0.5; score 1.00, at least 0.6'),
        (
            {'small': 0.4, 'large': 0.55, 'giant': 0.1},
            3,
            0.25,
            'score 0.40, below 0.5; score 0.55, below 0.6',
        ),
    ],
)
def test_each_stage_of_three_can_answer(scores, answered, accuracy, escalation):
    bench = commanded(THREE.cascade.cascade_id, **scores)
    result = bench.frame()
    assert ran(bench) == ['small', 'large', 'giant'][:answered]
    assert (result.ran.answered, result.ran.accuracy) == (answered, accuracy)
    assert result.ran.escalation == escalation
    assert bench.classifier.temperatures == [1.7, 1.9][: answered - 1]


def test_the_third_stage_can_be_cut():
    bench = commanded(THREE.cascade.cascade_id, deadline_s=0.75, small=0.4, large=0.55)
    result = bench.frame()
    assert (result.ran.answered, result.ran.accuracy) == (2, 0.15)
    assert '; score 0.55, below 0.6; giant needs ' in result.ran.escalation


def publishing_early(**options):
    bench = commanded(**options)
    bench.frames.stages.publish_early = True
    return bench


def test_an_early_answer_goes_out_before_the_next_stage_runs():
    bench = publishing_early(deadline_s=NEVER_LATE, small=0.41)
    bench.on_early = lambda answer: bench.early.append((answer, ran(bench)))
    result = bench.frame()
    ((answer, had_run),) = bench.early
    assert had_run == ['small']
    assert (answer.subnet_id, answer.stage, answer.prediction.labels) == (NAME, 1, ('cat',))
    assert answer.arrival is result.arrival
    assert result.early_latency_s == pytest.approx(0.56)
    assert result.classified.prediction.labels == ('dog',)


@pytest.mark.parametrize(
    'options',
    [
        pytest.param({'small': 0.9}, id='the first answer is sure'),
        pytest.param({'small': 0.4, 'deadline_s': TOO_LATE}, id='the next stage would be late'),
    ],
)
def test_an_answer_that_stands_goes_out_once(options):
    bench = publishing_early(**options)
    result = bench.frame()
    assert bench.early == []
    assert math.isnan(result.early_latency_s)


def test_by_default_no_early_answer_goes_out():
    bench = commanded(small=0.41)
    assert math.isnan(bench.frame().early_latency_s)
    assert bench.early == []


def test_a_frame_is_in_time_if_its_early_answer_was():
    met = {}
    for early in (False, True):
        bench = commanded(deadline_s=NEVER_LATE, small=0.41)
        bench.frames.stages.publish_early = early
        bench.classifier.slow = {'large': 20.0}
        result = bench.frame()
        assert result.latency_s > NEVER_LATE
        met[early] = result.deadline_met
    assert met == {False: False, True: True}


def test_publishing_an_answer_counts_as_postprocessing():
    bench = publishing_early(small=0.41)

    def publish(answer):
        bench.now_s += 0.007

    bench.on_early = publish
    result = bench.frame()
    assert result.classified.postprocess_s == pytest.approx(0.03 + 0.007 + 0.03)
    assert result.early_latency_s == pytest.approx(0.56)


def test_of_three_stages_the_first_early_answer_counts():
    bench = publishing_early(name=THREE.cascade.cascade_id, small=0.4, large=0.55)
    result = bench.frame()
    assert [each.stage for each in bench.early] == [1, 2]
    assert result.early_latency_s == pytest.approx(0.56)


def test_a_frame_is_refined_even_if_its_early_answer_cannot_be_published():
    bench = publishing_early(small=0.41)
    errors = []

    def fail(answer):
        raise OSError('no space left on device')

    bench.on_early, bench.on_error = fail, errors.append
    assert bench.frame().ran.answered == 2
    assert str(errors[0]) == 'no space left on device'


def test_the_early_answer_goes_out_where_the_next_stage_fails():
    bench = commanded(small=0.41)
    bench.classifier.errors['large'] = EngineError('sub-network large gives NaN or infinity')
    result = bench.frame()
    assert (result.ran.answered, result.ran.accuracy) == (1, 0.2)
    assert result.classified.prediction.labels == ('cat',)
    assert result.ran.stages == (('small', 0.02),)
    assert result.ran.escalation == (
        'score 0.41, below 0.5; large failed: sub-network large gives NaN or infinity'
    )
    ((name, detail),) = bench.rejected
    assert name == 'inference'
    assert detail.startswith('large: EngineError(')
    del bench.classifier.errors['large']
    assert (bench.frame().ran.answered, bench.results[-1].refused) == (2, 0)


def test_an_image_is_refused_where_the_first_stage_fails():
    bench = commanded(small=0.41)
    bench.classifier.errors['small'] = RuntimeError('out of memory')
    assert bench.frame() is None
    assert bench.rejected == [('inference', f"{NAME}: RuntimeError('out of memory')")]
    assert bench.frame(**BAD_ENCODING) is None


def test_time_and_energy_are_those_of_all_modelled_stages():
    bench = commanded(model=Platform(0.05), small=0.41)
    result = bench.frame()
    assert bench.frames.stages.model.requests == [('small', 'cpu', 2), ('large', 'cpu', 2)]
    assert (result.classified.inference_s, result.energy_j) == (0.1, 0.5)
    assert result.ran.stages == (('small', 0.05), ('large', 0.05))


def test_without_a_simulated_platform_the_energy_of_a_cascade_is_unknown():
    assert math.isnan(commanded(small=0.41).frame().energy_j)


def test_the_overruns_of_all_stages_do_not_delay_the_next_frame():
    bench = commanded(model=Platform(0.015), small=0.41)
    bench.frame()
    assert bench.frames.stages.overruns == 2
    bench.classifier.scores = {}
    assert bench.frame().queue_s == pytest.approx(0.5 - 0.005 - 0.025)


def test_a_frame_keeps_its_turn_over_all_stages(tmp_path):
    bench = commanded(model=Platform(0.05), small=0.41)
    domain = DomainObservation('gpu', ('gpu',), math.nan, (), True, contention=(1.0,))
    bench.commands.view.observe((domain,))
    bench.frames.turns = MachineTurns(tmp_path, failed=pytest.fail)
    bench.command(sequence=2, subnet_id=NAME, processor='gpu')
    bench.frame()
    assert bench.frames.stages.model.with_turn == [True, True]
    bench.frames.turns.close()


def test_the_end_of_the_present_stage_is_known_to_the_receiving_thread():
    bench = commanded(small=0.41)
    bench.frame()
    bench.frame()
    assert bench.frames.stages.busy_until_s == pytest.approx(100.04)


def test_a_later_stage_does_not_change_what_is_prepared_for():
    """Another thread prepares the next image for the first stage meanwhile."""
    bench = commanded(small=0.41)
    active = []
    refine = bench.classifier.refine

    def watching(*arguments, **options):
        active.append(bench.classifier.active.kept.subnet_id)
        return refine(*arguments, **options)

    bench.classifier.refine = watching
    bench.frame()
    assert active == ['small']


def test_a_commanded_cascade_keeps_all_its_stages():
    bench = commanded()
    assert bench.commands.running.subnet_id == NAME
    assert bench.residents.used == ['small', 'large']


def test_the_stages_that_are_missing_are_compiled_together():
    bench = Bench(cascades=(CASCADE,))
    bench.residents.missing = {'large'}
    state = bench.command(subnet_id=NAME, threads=4)
    assert not state.command_applied
    assert f'compiling {NAME} for cpu, 4 threads; small runs' in state.command_result
    assert bench.loaded == [(('small', 'large'), Place('cpu', 4))]
    state = bench.finish_loading()
    assert (state.subnet_id, state.threads, state.command_applied) == (NAME, 4, True)


def test_on_a_simulated_platform_stages_run_at_the_host_place():
    commanded_bench = commanded(model=Platform(0.0))
    assert commanded_bench.residents.requests[-2:] == [('small', HOST), ('large', HOST)]


def test_a_cascade_whose_stage_does_not_compile_is_refused_by_name():
    bench = Bench(cascades=(CASCADE,))
    bench.residents.missing = {'large'}
    bench.command(subnet_id=NAME)
    state = bench.finish_loading(error='out of memory')
    assert (state.subnet_id, state.command_applied) == ('small', False)
    assert state.command_result == f'cascade {NAME}: out of memory'
    assert bench.rejected == [('subnet_command', state.command_result)]
    assert bench.frame().ran.key[0] == 'small'


def test_an_unknown_cascade_is_refused_listing_the_known_ones():
    bench = Bench(cascades=(CASCADE,))
    state = bench.command(subnet_id='small+giant@0.5')
    assert not state.command_applied
    assert state.command_result == (
        f"sub-network is 'small+giant@0.5'; expected small, large, {NAME}"
    )


def test_a_cascade_with_a_stage_that_cannot_run_here_is_refused_by_name():
    other = replace(CASCADE.cascade, cascade_id='small+tpu@0.5', stages=('small', 'tpu'))
    bench = Bench()
    bench.commands.compiled._cascades['small+tpu@0.5'] = replace(CASCADE, cascade=other)
    state = bench.command(subnet_id='small+tpu@0.5')
    assert "cascade small+tpu@0.5: sub-network is 'tpu'; expected" in state.command_result


def test_a_cascade_of_the_envelope_runs_where_the_commanded_sub_network_is_late():
    bench = Bench(cascades=(CASCADE,))
    envelope = {'deadline_probability': 0.95, 'objective': 'max_accuracy', 'deadline_s': 0.62}
    state = bench.command(subnet_id='giant', envelope=((NAME, 0), ('small', 0)), **envelope)
    assert [key[0] for key in state.envelope] == ['giant', NAME, 'small']
    bench.frame()
    assert bench.frame().ran.key[0] == NAME
    bench.residents.missing = {'large'}  # evicted
    assert bench.frame().ran.key[0] == 'small'
    bench.command(sequence=2, subnet_id='giant', envelope=((NAME, 0), ('small', 0)), **envelope)
    assert [key[0] for key in bench.states[-1].envelope] == ['giant', 'small']


def test_a_pin_can_be_a_cascade():
    bench = Bench(cascades=(CASCADE,))
    bench.commands.pinned = NAME
    state = bench.command(sequence=None, subnet_id=NAME)
    assert (state.subnet_id, state.envelope) == (NAME, ((NAME, 'torch', 'cpu', 2),))
    assert not bench.command(sequence=1, subnet_id='small').command_applied


def test_a_plain_sub_network_is_never_escalated():
    bench = commanded(small=0.1)
    bench.command(sequence=2, subnet_id='small')
    result = bench.frame()
    assert ran(bench) == ['small']
    assert (result.ran.escalation, result.ran.stages) == ('', (('small', 0.02),))
    assert (result.ran.accuracy, result.ran.first_score) == (0.3, 0.1)
