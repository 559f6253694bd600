# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math
import threading
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from worker_bench import (
    ACCURACY,
    BAD_ENCODING,
    HOST,
    PROFILE,
    Bench,
    Platform,
    picture,
)

from dynofa_ros import engine
from dynofa_ros.engine import MailboxItem, Place
from dynofa_ros.nodes.perception.processor_turn import MachineTurns
from dynofa_ros.nodes.perception.worker_types import (
    ARRIVAL,
    STAMP,
    Arrival,
    Running,
    SubnetRequest,
)
from dynofa_ros.runtime import DomainObservation
from dynofa_ros.runtime.turns import WaitingFrame


@pytest.fixture
def bench():
    return Bench()


def test_a_classified_frame_is_reported(bench):
    result = bench.frame()
    assert result.classified.prediction.labels == ('cat',)
    assert (result.ran.key, result.ran.accuracy) == (('small', 'torch', 'cpu', 2), 0.3)
    assert bench.classifier.classified == [('small', (4, 6, 3))]


def test_frames_are_numbered_from_1(bench):
    assert [bench.frame().sequence for _ in range(3)] == [1, 2, 3]


def test_latency_is_from_arrival_to_result(bench):
    result = bench.frame()
    assert result.queue_s == 0.5
    assert result.latency_s == pytest.approx(0.5 + 0.01 + 0.02 + 0.03)


@pytest.mark.parametrize(('deadline_s', 'met'), [(0.57, True), (0.55, False), (math.nan, True)])
def test_the_deadline_applies_to_the_whole_latency(bench, deadline_s, met):
    bench.command(subnet_id='small', deadline_s=deadline_s)
    assert bench.frame().deadline_met is met


def test_without_a_simulated_platform_energy_is_unknown(bench):
    result = bench.frame()
    assert math.isnan(result.energy_j)
    assert not result.modelled


def test_dropped_frames_are_counted_in_the_next_result(bench):
    assert bench.frame(dropped=3).dropped == 3
    bench.frame(dropped=3, **BAD_ENCODING)
    assert bench.frame(dropped=1).dropped == 4
    assert bench.frame().dropped == 0


def test_a_malformed_image_is_rejected_with_a_reason(bench):
    assert bench.frame(**BAD_ENCODING) is None
    ((name, detail),) = bench.rejected
    assert name == 'image'
    assert "encoding is 'nonsense'; expected bgr8" in detail


def test_rejected_images_are_counted_in_the_next_result(bench):
    bench.frame(width=0)
    bench.frame(step=1)
    assert bench.frame().refused == 2
    assert bench.frame().refused == 0


def test_a_compressed_image_above_the_limit_is_rejected(bench):
    bench.frames.max_image_pixels = 10
    jpeg = cv2.imencode('.jpg', np.zeros((4, 6, 3), np.uint8))[1].tobytes()
    message = SimpleNamespace(format='jpeg', data=jpeg)
    bench.worker.handle(MailboxItem((), Arrival(message, 99.5, 0.1), 0))
    ((name, detail),) = bench.rejected
    assert name == 'image'
    assert 'claims 6 x 4 pixels' in detail
    assert 'expected at most 10 (parameter max_image_pixels)' in detail


def test_a_frame_that_the_engine_cannot_run_does_not_end_the_worker(bench):
    bench.classifier.error = RuntimeError('out of memory')
    assert bench.frame() is None
    assert bench.rejected == [('inference', "small: RuntimeError('out of memory')")]
    bench.classifier.error = None
    assert bench.frame().refused == 1


def test_a_command_takes_effect_before_the_frame_it_arrives_with(bench):
    bench.frame()
    bench.frame(SubnetRequest(1, 'large'))
    assert [subnet_id for subnet_id, _ in bench.classifier.classified] == ['small', 'large']


def test_the_later_of_two_commands_wins_and_both_are_acknowledged(bench):
    bench.frame(SubnetRequest(1, 'large'), SubnetRequest(2, 'small'))
    assert [each.command_sequence for each in bench.states] == [1, 2]
    assert bench.commands.running.subnet_id == 'small'


def test_a_command_is_acknowledged_with_the_new_state(bench):
    state = bench.command(sequence=7, processor='gpu', threads=1, deadline_s=0.1, reason='late')
    assert state == Running(
        subnet_id='large',
        processor='gpu',
        threads=1,
        deadline_s=0.1,
        since_s=100.0,
        reason='late',
        switches=1,
        switch_s=0.0,
        command_sequence=7,
        command_applied=True,
        command_result='runs large on gpu, 1 threads',
        envelope=(('large', 'torch', 'gpu', 1),),
    )


def test_a_command_keeps_what_it_does_not_set(bench):
    state = bench.command()
    assert (state.processor, state.threads) == ('cpu', 2)


def test_kept_threads_are_limited_to_those_of_the_new_processor(bench):
    assert bench.command(processor='gpu').threads == 1


def test_a_command_for_the_active_sub_network_is_no_switch(bench):
    state = bench.command(subnet_id='small', reason='again')
    assert state.command_applied
    assert (state.switches, state.since_s, state.reason) == (0, 0.0, 'start')


def test_a_command_can_change_the_deadline_alone(bench):
    assert bench.command(subnet_id='small', deadline_s=0.2).deadline_s == 0.2


def test_a_sub_network_runs_at_the_commanded_place(bench):
    bench.command(threads=4)
    assert bench.residents.requests[-1] == ('large', Place('cpu', 4))
    assert bench.residents.used == ['large']


def test_on_a_simulated_platform_a_sub_network_runs_at_the_host_place():
    bench = Bench(Platform(0.0))
    bench.command(processor='gpu')
    assert bench.residents.requests[-1] == ('large', HOST)


def test_the_previous_sub_network_runs_while_the_commanded_one_is_compiled(bench):
    bench.residents.missing = {'large'}
    state = bench.command(sequence=5)
    assert (state.subnet_id, state.command_applied) == ('small', False)
    assert 'compiling large for cpu, 2 threads; small runs until then' in state.command_result
    assert bench.frame().running.subnet_id == 'small'
    assert bench.rejected == []


def test_a_command_is_applied_once_its_sub_network_is_compiled(bench):
    bench.residents.missing = {'large'}
    bench.command(sequence=5, deadline_s=0.2)
    state = bench.finish_loading()
    assert (state.subnet_id, state.deadline_s, state.switches) == ('large', 0.2, 1)
    assert (state.command_sequence, state.command_applied) == (5, True)


def test_a_compiled_sub_network_does_not_override_a_newer_command(bench):
    bench.residents.missing = {'large'}
    bench.command(sequence=5)
    bench.command(sequence=6, subnet_id='small')
    state = bench.finish_loading()
    assert (state.subnet_id, state.command_sequence) == ('small', 6)


def test_a_command_whose_sub_network_does_not_compile_is_rejected(bench):
    bench.residents.missing = {'large'}
    bench.command(sequence=5)
    state = bench.finish_loading(error='out of memory')
    assert (state.subnet_id, state.command_applied) == ('small', False)
    assert state.command_result == 'out of memory'
    assert bench.rejected == [('subnet_command', 'out of memory')]


@pytest.mark.parametrize(
    ('command', 'named'),
    [
        ({'subnet_id': 'huge'}, "sub-network is 'huge'; expected small, large"),
        ({'processor': 'npu'}, "processor is 'npu'; expected cpu, gpu"),
        ({'threads': 5}, 'threads is 5; expected at most 4 on cpu'),
        ({'processor': 'gpu', 'threads': 2}, 'threads is 2; expected at most 1 on gpu'),
        ({'deadline_s': 0.0}, 'deadline_s is 0; expected 1e-06 to 3600 or NaN'),
        ({'deadline_s': 1e-320}, 'deadline_s is 9.99'),
        ({'deadline_s': 3601.0}, 'deadline_s is 3601'),
        ({'deadline_s': -1.0}, 'deadline_s is -1'),
        ({'deadline_s': math.inf}, 'deadline_s is inf'),
    ],
)
def test_an_invalid_command_is_rejected_and_changes_nothing(bench, command, named):
    before = bench.command(sequence=3, subnet_id='small', deadline_s=0.2)
    state = bench.command(sequence=4, **command)
    assert named in state.command_result
    assert state == replace(
        before,
        command_sequence=4,
        command_applied=False,
        command_result=state.command_result,
    )
    assert bench.classifier.active.kept.subnet_id == 'small'
    assert bench.rejected == [('subnet_command', state.command_result)]
    assert bench.command(sequence=5).command_applied


def test_a_request_of_the_node_keeps_deadline_and_acknowledgement(bench):
    bench.command(sequence=3, subnet_id='huge')
    before = bench.command(sequence=4, subnet_id='small', deadline_s=0.2)
    state = bench.command(sequence=None, subnet_id='large', reason='set by parameter')
    assert state == replace(
        before,
        subnet_id='large',
        since_s=100.0,
        reason='set by parameter',
        switches=1,
        switch_s=0.0,
        envelope=(('large', 'torch', 'cpu', 2),),
    )


def test_a_pinned_sub_network_rejects_commands_for_others(bench):
    bench.commands.pinned = 'small'
    state = bench.command(sequence=1, subnet_id='large')
    assert (state.subnet_id, state.command_applied) == ('small', False)
    assert "'large'; expected small" in state.command_result


PIN = {'sequence': None, 'subnet_id': 'large', 'reason': 'pinned by parameter'}


@pytest.fixture
def pinning(bench):
    """A worker that compiles the sub-network it was pinned to."""
    bench.residents.missing = {'large'}
    bench.commands.pinned = 'large'
    bench.command(**PIN)
    return bench


@pytest.mark.parametrize('command', [{'subnet_id': 'small'}, {'processor': 'npu'}])
def test_a_pin_that_is_compiled_survives_a_refused_command(pinning, command):
    assert not pinning.command(sequence=3, **command).command_applied
    state = pinning.finish_loading()
    assert (state.subnet_id, state.command_sequence) == ('large', 3)


def test_a_pin_that_a_command_replaced_is_loaded_after_the_command_fails(pinning):
    pinning.command(sequence=3, threads=4)
    assert len(pinning.loading) == 2
    pinning.finish_loading(error='out of memory')
    assert pinning.commands.running.subnet_id == 'large'


def test_a_pin_that_was_released_while_it_was_compiled_changes_nothing(pinning):
    pinning.commands.pinned = ''
    assert pinning.finish_loading().subnet_id == 'small'


def test_a_refused_command_ends_the_wait_of_an_older_command(bench):
    bench.residents.missing = {'large'}
    bench.command(sequence=5)
    bench.command(sequence=6, processor='npu')
    state = bench.finish_loading()
    assert (state.subnet_id, state.command_sequence) == ('small', 6)


def test_commands_can_move_a_pinned_sub_network(bench):
    bench.commands.pinned = 'small'
    state = bench.command(sequence=1, subnet_id='small', processor='gpu', deadline_s=0.2)
    assert (state.processor, state.deadline_s, state.command_applied) == ('gpu', 0.2, True)


def test_time_and_energy_are_those_of_the_simulated_platform():
    bench = Bench(platform := Platform(inference_s=0.021))
    bench.command(processor='gpu')
    result = bench.frame()
    assert platform.requests == [('large', 'gpu', 1)]
    assert (result.classified.inference_s, result.energy_j) == (0.021, 0.25)
    assert result.latency_s == pytest.approx(0.5 + 0.01 + 0.021 + 0.03)
    assert result.modelled


@pytest.mark.parametrize(
    ('inference_s', 'overruns', 'queue_s'), [(0.005, 1, 0.485), (0.019, 1, 0.499), (0.021, 0, 0.5)]
)
def test_overruns_are_counted_and_do_not_delay_the_next_frame(inference_s, overruns, queue_s):
    bench = Bench(Platform(inference_s))
    assert bench.frame().queue_s == 0.5
    assert bench.frames.stages.overruns == overruns
    assert bench.frame().queue_s == pytest.approx(queue_s)


@pytest.fixture
def start_loop():
    """Return a function that runs a worker in a thread; the thread ends with the test."""
    started = []

    def start(worker):
        thread = threading.Thread(target=worker.run)
        started.append((worker, thread))
        thread.start()
        return thread

    yield start
    for worker, thread in started:
        worker.stop()
        thread.join()


def test_the_loop_runs_until_it_is_stopped(bench, start_loop):
    classified = threading.Event()
    bench.on_result = lambda result: classified.set()
    loop = start_loop(bench.worker)
    for _ in range(2):
        bench.commands.mailbox.put_frame(Arrival(picture(), 99.5, 0.1))
        assert classified.wait(30)
        classified.clear()
    bench.worker.stop()
    loop.join(30)
    assert not loop.is_alive()


def test_the_loop_outlives_an_exception_of_its_listener(bench, start_loop):
    errors, results = [], threading.Semaphore(0)

    def fail(result):
        results.release()
        raise OSError('no space left on device')

    bench.on_result, bench.on_error = fail, errors.append
    start_loop(bench.worker)
    for _ in range(2):
        bench.commands.mailbox.put_frame(Arrival(picture(), 99.5, 0.1))
        assert results.acquire(timeout=30)
    bench.worker.stop()
    assert str(errors[0]) == 'no space left on device'


def test_stop_interrupts_a_simulated_inference(start_loop):
    bench = Bench(Platform(inference_s=3600.0))
    started = threading.Event()
    classify = bench.classifier.classify

    def signalling(prepared):
        started.set()
        return classify(prepared)

    bench.classifier.classify = signalling
    loop = start_loop(bench.worker)
    bench.commands.mailbox.put_frame(Arrival(picture(), 99.5, 0.1))
    assert started.wait(30)
    bench.worker.stop()
    loop.join(30)
    assert not loop.is_alive()


def test_it_works_with_a_real_classifier_and_resident_set(model):
    networks = engine.networks(model, engine.CompiledCache(None))
    residents = engine.ResidentSet(networks, engine.create_engine('openvino'))
    residents.load_all((name, Place('cpu', 2)) for name in ('small', 'large'))
    classifier = engine.Classifier(residents.find('small', Place('cpu', 2)), model.labels)
    bench = Bench(classifier=classifier, residents=residents)
    rows = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    image = {'height': 48, 'width': 64, 'step': 192, 'data': rows.tobytes()}
    small = bench.frame(**image)
    large = bench.frame(SubnetRequest(1, 'large'), **image)
    assert set(small.classified.prediction.labels) <= set(model.labels)
    assert small.classified.prediction != large.classified.prediction
    assert (small.ran.accuracy, large.ran.accuracy) == (0.3, 0.5)


@pytest.mark.parametrize(
    ('arrival', 'model', 'early'),
    [
        pytest.param({'after_s': 0.01}, None, True, id='it must wait'),
        pytest.param({'after_s': 0.03}, None, False, id='the worker is idle'),
        pytest.param({'period_s': 0.015}, None, False, id='the next image replaces it'),
        pytest.param({'threads': 4}, None, False, id='the inference uses all cores'),
        pytest.param({'threads': 4}, Platform(0.02), True, id='the inference is simulated'),
    ],
)
def test_an_image_is_prepared_early_if_that_shortens_its_latency(arrival, model, early):
    prepared = Bench(model).arrive_during_inference(**arrival).prepared
    assert (prepared is not None) is early


def test_a_malformed_image_is_left_to_the_worker(bench):
    arrival = bench.arrive_during_inference(**BAD_ENCODING)
    assert arrival.prepared is None
    bench.worker.handle(MailboxItem((), arrival, 0))
    assert [name for name, _ in bench.rejected] == ['image']


def test_the_end_of_an_inference_is_predicted_from_the_previous_one(bench):
    bench.frame()
    assert not bench.frames.stages.busy_until_s > 0
    bench.frame()
    assert bench.frames.stages.busy_until_s == pytest.approx(100.02)


def test_the_end_of_an_inference_is_unknown_after_a_switch(bench):
    bench.frame()
    bench.command()
    bench.frame()
    assert math.isnan(bench.frames.stages.busy_until_s)


def test_early_preparation_time_is_counted_once(bench):
    arrival = bench.arrive_during_inference()
    bench.now_s = 100.05
    bench.worker.handle(MailboxItem((), arrival, 0))
    result = bench.results[-1]
    assert result.queue_s == pytest.approx(0.04)
    assert result.latency_s == pytest.approx(0.04 + 0.01 + 0.02 + 0.03)


# Images arrive 0.5 s before the worker sees them, and have an overhead of 0.04 s.
WITH_SMALL = {
    'subnet_id': 'large',
    'deadline_s': 0.575,
    'envelope': (('small', 0),),
    'deadline_probability': 0.95,
    'objective': 'max_accuracy',
}


def test_a_command_brings_its_envelope_and_the_state_shows_it(bench):
    state = bench.command(**WITH_SMALL)
    assert state.command_applied
    assert state.envelope == (('large', 'torch', 'cpu', 2), ('small', 'torch', 'cpu', 2))


def test_the_commanded_sub_network_runs_while_it_fits(bench):
    bench.command(**WITH_SMALL | {'deadline_s': 0.7})
    for _ in range(5):
        ran = bench.frame().ran
        assert (ran.key[0], ran.reason) == ('large', '')


def test_a_frame_that_it_would_make_late_runs_another_one(bench):
    bench.command(**WITH_SMALL)
    bench.frame()  # which teaches the overhead
    result = bench.frame()
    assert result.ran.key == ('small', 'torch', 'cpu', 2)
    assert result.ran.accuracy == ACCURACY['small']
    assert result.ran.reason.startswith('large needs ')
    assert result.deadline_met
    assert result.running.subnet_id == bench.commands.running.subnet_id == 'large'
    assert bench.commands.running.command_applied
    assert [name for name, _ in bench.classifier.classified] == ['large', 'small']


def test_its_own_frames_tell_a_node_of_contention(bench):
    bench.command(**WITH_SMALL | {'deadline_s': 0.62})
    assert bench.frame().ran.key[0] == 'large'
    bench.classifier.slowdown = 2.5
    bench.frame()
    assert bench.frame().ran.key[0] == 'small'  # after one slow frame


def test_a_lower_clock_tells_it_too(bench):
    profile = replace(
        PROFILE,
        points=tuple(
            replace(each, frequency_hz=clock_hz, latency_s=each.latency_s * 1e9 / clock_hz)
            for each in PROFILE.points
            for clock_hz in (0.5e9, 1e9)
        ),
    )
    bench = Bench(profile=profile)
    bench.set_clock(1e9)
    bench.command(**WITH_SMALL | {'deadline_s': 0.62})
    assert [bench.frame().ran.key[0] for _ in range(2)] == ['large', 'large']
    bench.set_clock(0.5e9)
    assert bench.frame().ran.key[0] == 'small'


def test_without_an_envelope_the_commanded_sub_network_runs_however_late(bench):
    bench.command(subnet_id='large', deadline_s=0.51)
    for _ in range(3):
        assert bench.frame().ran.key[0] == 'large'


def test_a_point_of_the_envelope_that_is_not_resident_is_left_out(bench):
    bench.residents.missing = {'small'}
    state = bench.command(**WITH_SMALL)
    assert state.envelope == (('large', 'torch', 'cpu', 2),)
    bench.frame()
    assert bench.frame().ran.key[0] == 'large'


def test_a_point_that_was_evicted_is_left_out_from_then_on(bench):
    bench.command(**WITH_SMALL)
    bench.frame()
    bench.residents.missing = {'small'}
    assert bench.frame().ran.key[0] == 'large'


def test_a_pin_restricts_the_envelope(bench):
    bench.commands.pinned = 'large'
    state = bench.command(**WITH_SMALL)
    assert state.envelope == (('large', 'torch', 'cpu', 2),)


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'envelope': (('huge', 0),)}, "envelope holds 'huge' on cpu, 2 threads; expected points"),
        ({'envelope': (('small', 3),)}, "envelope holds 'small' on cpu, 3 threads"),
        ({'objective': 'best'}, "objective is 'best'; expected max_accuracy, min_energy, weighted"),
        ({'deadline_probability': 0.0}, 'deadline_probability is 0; expected 0.5 to 0.9999'),
        ({'deadline_probability': math.nan}, 'deadline_probability is nan'),
        ({'min_accuracy': 2.0}, 'min_accuracy is 2; expected 0 to 1'),
        ({'energy_weight': math.inf}, 'energy_weight is inf; expected 0 to 1000'),
    ],
)
def test_an_invalid_envelope_is_rejected_and_changes_nothing(bench, change, named):
    state = bench.command(**WITH_SMALL | change)
    assert named in state.command_result
    assert (state.subnet_id, state.command_applied) == ('small', False)
    assert state.envelope == (('small', 'torch', 'cpu', 2),)


def test_the_deadline_counts_from_the_arrival_or_from_the_stamp(bench):
    bench.command(deadline_s=0.65)
    result = bench.frame()
    assert (result.deadline_from, result.latency_s) == (ARRIVAL, pytest.approx(0.58))
    bench.frames.deadline_from = STAMP
    result = bench.frame()
    assert (result.deadline_from, result.latency_s) == (STAMP, pytest.approx(0.68))
    assert not result.deadline_met


def test_the_age_leaves_less_time_to_the_frame(bench):
    bench.frames.deadline_from = STAMP
    bench.command(**WITH_SMALL | {'deadline_s': 0.675})
    bench.frame()
    assert bench.frame().ran.key[0] == 'small'


def test_a_stamp_of_a_camera_with_another_clock_is_refused(bench):
    bench.frames.deadline_from = STAMP
    bench.worker.handle(MailboxItem((), Arrival(picture(), 99.5, math.nan), 0))
    assert bench.results[-1].deadline_from == ARRIVAL
    ((name, detail),) = bench.rejected
    assert name == 'image stamp'
    assert 'the clock of the camera disagrees' in detail


@pytest.fixture
def taking_turns(tmp_path):
    """Return a worker on a simulated GPU where frames take turns, and another application."""
    bench = Bench(Platform(0.021))
    domain = DomainObservation('gpu', ('gpu',), math.nan, (), True, contention=(1.0,))
    bench.commands.view.observe((domain,))
    bench.frames.turns, other = (MachineTurns(tmp_path, failed=pytest.fail) for _ in range(2))
    bench.command(subnet_id='small', processor='gpu', deadline_s=0.6)
    yield bench, other.on('gpu')
    bench.frames.turns.close()
    other.close()


def test_a_frame_has_the_turn_of_its_processor(taking_turns):
    bench, other = taking_turns
    bench.frame()
    assert bench.frames.stages.model.with_turn == [True]
    assert other.take(WaitingFrame(0.0, 0.0, ''), until_s=0.0)  # it was given back


def test_a_frame_that_gets_no_turn_in_time_runs_and_says_so(taking_turns):
    bench, other = taking_turns
    assert other.take(WaitingFrame(0.0, 0.0, ''), until_s=0.0)
    assert bench.frame() is not None
    assert bench.frames.stages.model.with_turn == [False]
    ((name, detail),) = bench.rejected
    assert name == 'turn'
    assert 'gpu was busy for' in detail


def test_elsewhere_frames_take_no_turns(taking_turns):
    bench, other = taking_turns
    assert other.take(WaitingFrame(0.0, 0.0, ''), until_s=0.0)
    domain = DomainObservation('gpu', ('gpu',), math.nan, (), True, contention=(0.5,))
    bench.commands.view.observe((domain,))
    bench.frame()
    assert (bench.frames.stages.model.with_turn, bench.rejected) == ([False], [])
