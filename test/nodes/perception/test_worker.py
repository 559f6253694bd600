import math
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from dynofa_ros.engine import Classified, Mailbox, MailboxItem, Place, Prediction, Prepared
from dynofa_ros.nodes.perception.frame_model import ModelledFrame
from dynofa_ros.nodes.perception.worker import PerceptionWorker
from dynofa_ros.nodes.perception.worker_types import Arrival, Running, SubnetRequest

ACCURACY = {'small': 0.3, 'large': 0.5}
HOST = Place('cpu', 1)


class Classifier:
    """Classifies anything that decodes; its own time passes by its own clock."""

    def __init__(self, active):
        self.seen = []
        self.error = None
        self.active = active

    def prepare(self, decode):
        return Prepared(decode(), None, None, 0.01)

    def classify(self, prepared):
        if self.error is not None:
            raise self.error
        self.seen.append((self.active.kept.subnet_id, prepared.image.shape))
        return Classified(Prediction((0,), ('cat',), (1.0,)), prepared.preprocess_s, 0.02, 0.03)


class Residents:
    """Whatever is not in `missing` is resident."""

    def __init__(self):
        self.missing, self.asked = set(), []

    def find(self, subnet_id, place):
        self.asked.append((subnet_id, place))
        if subnet_id not in ACCURACY:
            raise ValueError(f'sub-network is {subnet_id!r}; expected small, large')
        return None if subnet_id in self.missing else resident(subnet_id)

    def use(self, resident):
        self.used = resident.kept.subnet_id


class Loader:
    """Loads when it is told to."""

    def __init__(self):
        self.waiting = []

    def load(self, subnet_id, place, done):
        self.waiting.append((subnet_id, done))

    def stop(self):
        pass


def resident(subnet_id):
    kept = SimpleNamespace(subnet_id=subnet_id, accuracy=ACCURACY[subnet_id])
    return SimpleNamespace(kept=kept, precision='float32')


class Listener:
    """Keeps what it hears."""

    def __init__(self):
        self.results, self.runnings, self.refused = [], [], []

    def on_result(self, result):
        self.results.append(result)

    def on_running(self, running):
        self.runnings.append(running)

    def on_refused(self, name, detail):
        self.refused.append((name, detail))


class Platform:
    """A simulated platform on which every frame takes the same."""

    def __init__(self, inference_s):
        self.inference_s, self.asked = inference_s, []

    def frame(self, kept, *, processor, threads):
        self.asked.append((kept.subnet_id, processor, threads))
        return ModelledFrame(self.inference_s, 0.25)


class Bench:
    """A worker with everything around it, at 100 s by its clock."""

    def __init__(self, model=None):
        self.listener, self.classifier = Listener(), Classifier(resident('small'))
        self.residents, self.loader = Residents(), Loader()
        self.now_s = 100.0
        self.worker = PerceptionWorker(
            classifier=self.classifier,
            residents=self.residents,
            loader=self.loader,
            mailbox=Mailbox(),
            listener=self.listener,
            processors={'cpu': 4, 'gpu': 1},
            running=Running('small', 'cpu', 2, math.nan, since_s=0.0, reason='start'),
            model=model,
            host_place=None if model is None else HOST,
            clock=lambda: self.now_s,
        )

    def frame(self, *commands, dropped=0, **image):
        """Hand over commands and an image that came 0.5 s ago; return the result, if any."""
        before = len(self.listener.results)
        arrival = Arrival(picture(**image), arrived_s=99.5, age_s=0.1)
        self.worker.handle(MailboxItem(commands, arrival, dropped))
        return self.listener.results[-1] if len(self.listener.results) > before else None

    def obey(self, **command):
        """Hand over a command; return what runs then."""
        command = {'sequence': 1, 'subnet_id': 'large'} | command
        self.worker.handle(MailboxItem((SubnetRequest(**command),), None, 0))
        return self.listener.runnings[-1]

    def loaded(self, index=-1, error=''):
        """Let the loader be done with what it was asked for; return what runs then."""
        self.loader.waiting[index][1](error)
        self.worker.handle(self.worker.mailbox.take())
        return self.listener.runnings[-1]


def picture(**change):
    fields = {'encoding': 'bgr8', 'height': 4, 'width': 6, 'step': 18, 'data': bytes(72)}
    return SimpleNamespace(**(fields | {'is_bigendian': 0} | change))


@pytest.fixture
def bench():
    return Bench()


def test_a_frame_is_classified_and_told(bench):
    result = bench.frame()
    assert result.classified.prediction.labels == ('cat',)
    assert (result.running.subnet_id, result.accuracy) == ('small', 0.3)
    assert bench.classifier.seen == [('small', (4, 6, 3))]


def test_frames_are_numbered_from_1(bench):
    assert [bench.frame().sequence for _ in range(3)] == [1, 2, 3]


def test_latency_is_from_arrival_to_result(bench):
    result = bench.frame()
    assert result.queue_s == 0.5
    assert result.latency_s == pytest.approx(0.5 + 0.01 + 0.02 + 0.03)


@pytest.mark.parametrize(('deadline_s', 'met'), [(0.57, True), (0.55, False), (math.nan, True)])
def test_a_deadline_is_met_by_the_whole_latency(bench, deadline_s, met):
    bench.obey(deadline_s=deadline_s)
    assert bench.frame().deadline_met is met


def test_without_a_simulated_platform_energy_is_unknown(bench):
    result = bench.frame()
    assert math.isnan(result.energy_j)
    assert not result.modelled


def test_dropped_frames_are_told_with_the_next_result(bench):
    assert bench.frame(dropped=3).dropped == 3
    assert bench.frame().dropped == 0


def test_dropped_frames_are_not_lost_with_a_bad_image(bench):
    bench.frame(dropped=3, encoding='nonsense')
    assert bench.frame(dropped=1).dropped == 4


def test_a_bad_image_is_refused_by_what_is_wrong_with_it(bench):
    assert bench.frame(encoding='nonsense') is None
    ((name, detail),) = bench.listener.refused
    assert name == 'image'
    assert "encoding 'nonsense' is unknown; expected bgr8" in detail


def test_refused_images_are_counted_in_the_next_result(bench):
    bench.frame(width=0)
    bench.frame(step=1)
    assert bench.frame().refused == 2
    assert bench.frame().refused == 0


def test_a_frame_that_the_engine_cannot_run_does_not_end_the_worker(bench):
    bench.classifier.error = RuntimeError('out of memory')
    assert bench.frame() is None
    assert bench.listener.refused == [('inference', "small: RuntimeError('out of memory')")]
    bench.classifier.error = None
    assert bench.frame().refused == 1


def test_a_command_takes_effect_at_the_frame_it_comes_with(bench):
    bench.frame()
    bench.frame(SubnetRequest(1, 'large'))
    assert [subnet_id for subnet_id, _ in bench.classifier.seen] == ['small', 'large']


def test_of_two_commands_the_later_holds_and_both_are_acknowledged(bench):
    bench.frame(SubnetRequest(1, 'large'), SubnetRequest(2, 'small'))
    assert [each.command_sequence for each in bench.listener.runnings] == [1, 2]
    assert bench.worker.running.subnet_id == 'small'


def test_a_command_is_acknowledged_with_what_runs(bench):
    running = bench.obey(sequence=7, processor='gpu', threads=1, deadline_s=0.1, reason='late')
    assert running == Running(
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
    )


def test_what_a_command_does_not_say_stays(bench):
    running = bench.obey()
    assert (running.processor, running.threads) == ('cpu', 2)


def test_threads_that_the_new_processor_does_not_have_are_given_up(bench):
    assert bench.obey(processor='gpu').threads == 1


def test_a_command_for_what_runs_already_is_no_switch(bench):
    running = bench.obey(subnet_id='small', reason='again')
    assert running.command_applied
    assert (running.switches, running.since_s, running.reason) == (0, 0.0, 'start')


def test_a_deadline_alone_is_taken_over(bench):
    assert bench.obey(subnet_id='small', deadline_s=0.2).deadline_s == 0.2


def test_it_runs_where_the_command_says(bench):
    bench.obey(threads=4)
    assert bench.residents.asked == [('large', Place('cpu', 4))]
    assert bench.residents.used == 'large'


def test_a_simulated_processor_is_not_one_of_this_machine():
    bench = Bench(Platform(0.0))
    bench.obey(processor='gpu')
    assert bench.residents.asked == [('large', HOST)]


def test_what_is_not_resident_is_loaded_while_the_one_before_goes_on(bench):
    bench.residents.missing = {'large'}
    running = bench.obey(sequence=5)
    assert (running.subnet_id, running.command_applied) == ('small', False)
    assert 'compiling large for cpu, 2 threads; small runs until then' in running.command_result
    assert bench.frame().running.subnet_id == 'small'
    assert bench.listener.refused == []


def test_once_it_is_loaded_the_command_is_obeyed(bench):
    bench.residents.missing = {'large'}
    bench.obey(sequence=5, deadline_s=0.2)
    bench.residents.missing = set()
    running = bench.loaded()
    assert (running.subnet_id, running.deadline_s, running.switches) == ('large', 0.2, 1)
    assert (running.command_sequence, running.command_applied) == (5, True)


def test_a_newer_command_is_not_undone_by_what_is_loaded_later(bench):
    bench.residents.missing = {'large'}
    bench.obey(sequence=5)
    bench.obey(sequence=6, subnet_id='small')
    bench.residents.missing = set()
    running = bench.loaded()
    assert (running.subnet_id, running.command_sequence) == ('small', 6)


def test_what_cannot_be_loaded_is_refused_with_the_reason(bench):
    bench.residents.missing = {'large'}
    bench.obey(sequence=5)
    running = bench.loaded(error='out of memory')
    assert (running.subnet_id, running.command_applied) == ('small', False)
    assert running.command_result == 'out of memory'
    assert bench.listener.refused == [('subnet_command', 'out of memory')]


@pytest.mark.parametrize(
    ('command', 'named'),
    [
        ({'subnet_id': 'huge'}, "sub-network is 'huge'; expected small, large"),
        ({'processor': 'npu'}, "processor is 'npu'; expected cpu, gpu"),
        ({'threads': 5}, 'threads is 5; cpu has 4'),
        ({'processor': 'gpu', 'threads': 2}, 'threads is 2; gpu has 1'),
        ({'deadline_s': 0.0}, 'deadline_s is 0.0; must be above 0'),
        ({'deadline_s': -1.0}, 'deadline_s is -1.0'),
        ({'deadline_s': math.inf}, 'deadline_s is inf'),
    ],
)
def test_a_command_that_cannot_be_obeyed_is_refused_and_changes_nothing(bench, command, named):
    before = bench.obey(sequence=3, subnet_id='small', deadline_s=0.2)
    running = bench.obey(sequence=4, **command)
    assert named in running.command_result
    assert running == replace(
        before,
        command_sequence=4,
        command_applied=False,
        command_result=running.command_result,
    )
    assert bench.classifier.active.kept.subnet_id == 'small'
    assert bench.listener.refused == [('subnet_command', running.command_result)]


def test_after_a_refused_command_the_next_is_obeyed(bench):
    bench.obey(sequence=1, subnet_id='huge')
    assert bench.obey(sequence=2).command_applied


def test_what_nobody_commanded_leaves_deadline_and_acknowledgement_alone(bench):
    bench.obey(sequence=3, subnet_id='huge')
    bench.obey(sequence=4, subnet_id='small', deadline_s=0.2)
    before = bench.worker.running
    running = bench.obey(sequence=None, subnet_id='large', reason='set by parameter')
    assert running == replace(
        before,
        subnet_id='large',
        since_s=100.0,
        reason='set by parameter',
        switches=1,
        switch_s=0.0,
    )


def test_a_pinned_sub_network_refuses_commands_for_others(bench):
    bench.worker.pinned = 'small'
    running = bench.obey(sequence=1, subnet_id='large')
    assert (running.subnet_id, running.command_applied) == ('small', False)
    assert "'large'; expected small" in running.command_result


def test_a_pinned_sub_network_obeys_the_rest(bench):
    bench.worker.pinned = 'small'
    running = bench.obey(sequence=1, subnet_id='small', processor='gpu', deadline_s=0.2)
    assert (running.processor, running.deadline_s, running.command_applied) == ('gpu', 0.2, True)


def test_on_a_simulated_platform_a_frame_takes_its_time_and_energy():
    bench = Bench(platform := Platform(inference_s=0.021))
    bench.obey(processor='gpu')
    result = bench.frame()
    assert platform.asked == [('large', 'gpu', 1)]
    assert (result.classified.inference_s, result.energy_j) == (0.021, 0.25)
    assert result.latency_s == pytest.approx(0.5 + 0.01 + 0.021 + 0.03)
    assert result.modelled


@pytest.mark.parametrize(('inference_s', 'waited_s'), [(0.005, 0.485), (0.02, 0.5)])
def test_what_only_this_machine_makes_a_frame_wait_does_not_count(inference_s, waited_s):
    bench = Bench(Platform(inference_s))
    assert bench.frame().queue_s == 0.5
    assert bench.frame().queue_s == pytest.approx(waited_s)


@pytest.mark.parametrize(('inference_s', 'overruns'), [(0.019, 1), (0.021, 0)])
def test_a_frame_that_is_slower_than_the_simulated_platform_is_counted(inference_s, overruns):
    bench = Bench(Platform(inference_s))
    bench.frame()
    assert bench.worker.overruns == overruns


@pytest.fixture
def thread():
    """Return a function that starts a worker's loop; it has ended when the test has."""
    started = []

    def start(worker):
        started.append((worker, threading.Thread(target=worker.run)))
        started[-1][1].start()
        return started[-1][1]

    yield start
    for worker, running in started:
        worker.stop()
        running.join()


def test_the_loop_goes_on_until_it_is_stopped(bench, thread):
    heard = threading.Event()
    bench.listener.on_result = lambda result: heard.set()
    loop = thread(bench.worker)
    for _ in range(2):
        bench.worker.mailbox.put_frame(Arrival(picture(), 99.5, 0.1))
        assert heard.wait(30)
        heard.clear()
    bench.worker.stop()
    loop.join(30)
    assert not loop.is_alive()


def test_a_stop_does_not_wait_for_a_simulated_inference(thread):
    bench = Bench(Platform(inference_s=3600.0))
    started = threading.Event()
    classify = bench.classifier.classify

    def signalling(prepared):
        started.set()
        return classify(prepared)

    bench.classifier.classify = signalling
    loop = thread(bench.worker)
    bench.worker.mailbox.put_frame(Arrival(picture(), 99.5, 0.1))
    assert started.wait(30)
    bench.worker.stop()
    loop.join(30)
    assert not loop.is_alive()


def test_real_pieces_fit_together(model):
    from dynofa_ros.engine import Classifier as RealClassifier
    from dynofa_ros.engine import CompiledCache, ResidentSet, create_engine, networks

    residents = ResidentSet(networks(model, CompiledCache(None)), create_engine('openvino'))
    residents.load_all((name, Place('cpu', 2)) for name in ('small', 'large'))
    bench = Bench()
    bench.worker.residents = residents
    first = residents.find('small', Place('cpu', 2))
    bench.worker.classifier = RealClassifier(first, model.labels)
    rows = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    image = {'height': 48, 'width': 64, 'step': 192, 'data': rows.tobytes()}
    small = bench.frame(**image)
    large = bench.frame(SubnetRequest(1, 'large'), **image)
    assert set(small.classified.prediction.labels) <= set(model.labels)
    assert small.classified.prediction != large.classified.prediction
    assert (small.accuracy, large.accuracy) == (0.3, 0.5)


class Overlap:
    """A worker in the middle of an inference of 20 ms that began at 100 s."""

    def __init__(self, model=None):
        self.bench = Bench(model)
        self.bench.frame()
        self.bench.worker.busy_until_s = 100.02

    def arrive(self, *, after_s=0.0, period_s=0.1, **image):
        self.bench.now_s = 100.0 + after_s
        arrival = Arrival(picture(**image), arrived_s=self.bench.now_s, age_s=0.1)
        return self.bench.worker.prepare_early(arrival, period_s=period_s)


def test_an_image_that_must_wait_is_prepared_meanwhile():
    assert Overlap().arrive(after_s=0.01).prepared is not None


def test_an_image_that_need_not_wait_is_not_prepared_early():
    assert Overlap().arrive(after_s=0.03).prepared is None


def test_an_image_that_the_next_will_replace_is_not_prepared():
    assert Overlap().arrive(period_s=0.015).prepared is None


def test_an_inference_on_all_cores_is_not_disturbed():
    overlap = Overlap()
    overlap.bench.obey(subnet_id='small', threads=4)
    overlap.bench.worker.busy_until_s = 100.02
    assert overlap.arrive().prepared is None


def test_a_simulated_inference_leaves_this_machine_free():
    overlap = Overlap(Platform(0.02))
    overlap.bench.obey(subnet_id='small', threads=4)
    overlap.bench.worker.busy_until_s = 100.02
    assert overlap.arrive().prepared is not None


def test_a_bad_image_is_left_to_the_worker():
    overlap = Overlap()
    arrival = overlap.arrive(encoding='nonsense')
    assert arrival.prepared is None
    overlap.bench.worker.handle(MailboxItem((), arrival, 0))
    assert [name for name, _ in overlap.bench.listener.refused] == ['image']


def test_the_end_of_an_inference_is_expected_as_the_one_before_took(bench):
    bench.frame()
    assert not bench.worker.busy_until_s > 0
    bench.frame()
    assert bench.worker.busy_until_s == pytest.approx(100.02)


def test_after_a_switch_nothing_is_expected(bench):
    bench.frame()
    bench.obey()
    bench.frame()
    assert math.isnan(bench.worker.busy_until_s)


def test_time_of_preparing_is_counted_once():
    overlap = Overlap()
    arrival = overlap.arrive(after_s=0.0)
    overlap.bench.now_s = 100.05
    overlap.bench.worker.handle(MailboxItem((), arrival, 0))
    result = overlap.bench.listener.results[-1]
    assert result.queue_s == pytest.approx(0.04)
    assert result.latency_s == pytest.approx(0.04 + 0.01 + 0.02 + 0.03)
