# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A perception worker with fake surroundings: two sub-networks, a cascade of them, and a clock."""

import math
from dataclasses import replace
from types import SimpleNamespace

from dynofa_ros.engine import Classified, Mailbox, MailboxItem, Place, Prediction, Prepared
from dynofa_ros.nodes.perception.frame_model import ModelledFrame
from dynofa_ros.nodes.perception.frame_runner import FrameRunner
from dynofa_ros.nodes.perception.platform_view import PlatformView
from dynofa_ros.nodes.perception.stage_runner import StageRunner
from dynofa_ros.nodes.perception.stages import CalibratedCascade, Stages, StageSet
from dynofa_ros.nodes.perception.subnet_commands import SubnetCommands
from dynofa_ros.nodes.perception.worker import PerceptionWorker
from dynofa_ros.nodes.perception.worker_types import Arrival, Running, SubnetRequest
from dynofa_ros.runtime import Cascade, OperatingPoint, Profile

ACCURACY = {'small': 0.3, 'large': 0.5, 'giant': 0.6}
INFERENCE_S = {'small': 0.02, 'large': 0.04, 'giant': 0.08}
LABELS = {'small': 'cat', 'large': 'dog', 'giant': 'fox'}
HOST = Place('cpu', 1)
BAD_ENCODING = {'encoding': 'nonsense'}


def point(subnet_id, processor, threads, latency_s):
    """Return an operating point of the profile."""
    return OperatingPoint(
        subnet_id=subnet_id,
        engine='torch',
        processor=processor,
        threads=threads,
        frequency_hz=math.nan,
        latency_s=latency_s,
        latency_std_s=0.0,
        energy_j=math.nan,
        accuracy=ACCURACY[subnet_id],
        flops=1,
        parameters=1,
    )


PROFILE = Profile(
    'camera',
    'supernet',
    'board',
    'measured',
    'unavailable',
    tuple(
        point(subnet_id, processor, threads, latency_s)
        for subnet_id, latency_s in INFERENCE_S.items()
        for processor, threads in (('cpu', 1), ('cpu', 2), ('cpu', 4), ('gpu', 1))
    ),
)


CASCADE = CalibratedCascade(
    Cascade(
        cascade_id='small+large@0.5',
        stages=('small', 'large'),
        thresholds=(0.5,),
        reached=(0.4,),
        accuracy=0.48,
        answer_accuracy=(0.6, 0.35),
        early_accuracy=(0.2,),
    ),
    temperatures=(1.7,),
)
THREE = CalibratedCascade(
    Cascade(
        cascade_id='small+large+giant@0.5,0.6',
        stages=('small', 'large', 'giant'),
        thresholds=(0.5, 0.6),
        reached=(0.4, 0.1),
        accuracy=0.55,
        answer_accuracy=(0.6, 0.45, 0.25),
        early_accuracy=(0.2, 0.15),
    ),
    temperatures=(1.7, 1.9),
)


class Classifier:
    """Classifies anything that decodes, in the profiled time x slowdown.

    The score is 1 unless `scores` has another one for the sub-network; `errors` has those that
    fail. `temperatures` are those of the later stages that ran.
    """

    def __init__(self, active):
        self.classified, self.slowdown = [], 1.0
        self.scores, self.slow, self.errors, self.temperatures = {}, {}, {}, []
        self.error = None
        self.active = active

    def prepare(self, decode):
        return Prepared(decode(), None, None, 0.01)

    def classify(self, prepared):
        if self.error is not None:
            raise self.error
        return self.run(self.active.kept.subnet_id, prepared, prepared.preprocess_s)

    def refine(self, prepared, later, *, temperature):
        self.temperatures.append(temperature)
        return self.run(later.kept.subnet_id, prepared, 0.005)

    def run(self, subnet_id, prepared, preprocess_s):
        if subnet_id in self.errors:
            raise self.errors[subnet_id]
        self.classified.append((subnet_id, prepared.image.shape))
        inference_s = INFERENCE_S[subnet_id] * self.slowdown * self.slow.get(subnet_id, 1.0)
        prediction = Prediction((0,), (LABELS[subnet_id],), (self.scores.get(subnet_id, 1.0),))
        return Classified(prediction, preprocess_s, inference_s, 0.03)


class Residents:
    """Every sub-network is resident, except those in `missing`."""

    def __init__(self):
        self.missing, self.requests = set(), []

    def network(self, subnet_id):
        if subnet_id not in ACCURACY:
            raise ValueError(f'sub-network is {subnet_id!r}; expected small, large')

    def find(self, subnet_id, place):
        self.requests.append((subnet_id, place))
        return None if subnet_id in self.missing else resident(subnet_id)

    def use(self, *residents):
        self.used = [each.kept.subnet_id for each in residents]


def resident(subnet_id):
    kept = SimpleNamespace(subnet_id=subnet_id, accuracy=ACCURACY[subnet_id])
    return SimpleNamespace(kept=kept, precision='float32', preprocess=subnet_id)


class Platform:
    """A simulated platform with constant inference time."""

    def __init__(self, inference_s):
        self.inference_s, self.requests, self.with_turn = inference_s, [], []

    def frame(self, kept, *, processor, threads, has_turn):
        self.with_turn.append(has_turn)
        self.requests.append((kept.subnet_id, processor, threads))
        return ModelledFrame(self.inference_s, 0.25)


class Bench:
    """A worker with fake surroundings, at 100 s on its clock; also its listener and loader."""

    def __init__(
        self, model=None, profile=PROFILE, *, classifier=None, residents=None, cascades=()
    ):
        self.results, self.early, self.states, self.rejected = [], [], [], []
        self.loading, self.loaded = [], []
        self.on_result, self.on_running = self.results.append, self.states.append
        self.on_early = self.early.append
        self.classifier = classifier or Classifier(resident('small'))
        self.residents = Residents() if residents is None else residents
        self.now_s = 100.0
        profile = replace(profile, cascades=tuple(each.cascade for each in cascades))
        host_place = None if model is None else HOST
        compiled = StageSet(self.residents, cascades, host_place=host_place)
        self.commands = SubnetCommands(
            classifier=self.classifier,
            compiled=compiled,
            active=Stages((self.classifier.active,)),
            loader=self,
            mailbox=Mailbox(),
            listener=self,
            processors={'cpu': 4, 'gpu': 1},
            running=Running('small', 'cpu', 2, math.nan, since_s=0.0, reason='start'),
            profile=profile,
            view=PlatformView(clock=lambda: self.now_s),
            clock=lambda: self.now_s,
        )
        self.frames = FrameRunner(StageRunner(self.commands, model=model))
        self.worker = PerceptionWorker(self.commands, self.frames)

    def set_clock(self, frequency_hz):
        """Set the frequency of the CPU, some time ago."""
        self.commands.view.set_clock('cpu', frequency_hz)
        self.now_s += 10.0

    def on_refused(self, name, detail):
        self.rejected.append((name, detail))

    def load(self, subnet_ids, place, done):
        self.loading.append(done)
        self.loaded.append((tuple(subnet_ids), place))

    def stop(self):
        pass

    def frame(self, *commands, dropped=0, **image):
        """Handle commands and an image that arrived 0.5 s ago; return the result, if any."""
        before = len(self.results)
        arrival = Arrival(picture(**image), arrived_s=self.now_s - 0.5, age_s=0.1)
        self.worker.handle(MailboxItem(commands, arrival, dropped))
        return self.results[-1] if len(self.results) > before else None

    def command(self, **command):
        """Handle a command; return the state after it."""
        command = {'sequence': 1, 'subnet_id': 'large'} | command
        self.worker.handle(MailboxItem((SubnetRequest(**command),), None, 0))
        return self.states[-1]

    def finish_loading(self, error=''):
        """Finish the last requested compilation; return the state after it."""
        self.residents.missing = set()
        self.loading[-1](error)
        self.worker.handle(self.commands.mailbox.take())
        return self.states[-1]

    def arrive_during_inference(self, *, after_s=0.0, period_s=0.1, threads=2, **image):
        """Receive an image during an inference of 20 ms that started at 100 s."""
        self.frame()
        if threads != 2:
            self.command(subnet_id='small', threads=threads)
        self.frames.stages.busy_until_s = 100.02
        self.now_s = 100.0 + after_s
        arrival = Arrival(picture(**image), arrived_s=self.now_s, age_s=0.1)
        return self.frames.prepare_early(arrival, period_s=period_s)


def picture(**change):
    fields = {'encoding': 'bgr8', 'height': 4, 'width': 6, 'step': 18, 'data': bytes(72)}
    return SimpleNamespace(**(fields | {'is_bigendian': 0} | change))
