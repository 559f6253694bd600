# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The perception node classifies camera images with the commanded sub-network.

It is the application layer of arXiv 2206.02525. The node's thread receives images and commands;
a worker thread classifies (:mod:`dynofa_ros.nodes.perception.worker`).
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image

from dynofa_ros.engine import Classifier, Loader, Mailbox, Prediction
from dynofa_ros.msg import (
    Classification,
    FrameReport,
    PlatformState,
    SubnetCommand,
    SubnetProfile,
    SubnetState,
)
from dynofa_ros.nodes.diagnostics import Diagnostics
from dynofa_ros.nodes.domains import domains_from
from dynofa_ros.nodes.either_durability import subscribe_to_either
from dynofa_ros.nodes.guard import GuardedNode
from dynofa_ros.nodes.perception import messages
from dynofa_ros.nodes.perception.attention import (
    CHECK_S,
    AttentionSettings,
    SceneAttention,
    attention_settings,
)
from dynofa_ros.nodes.perception.device import PerceptionDevice
from dynofa_ros.nodes.perception.frame_model import FrameModel
from dynofa_ros.nodes.perception.frame_runner import FrameRunner
from dynofa_ros.nodes.perception.image_conversion import conversion_library
from dynofa_ros.nodes.perception.image_input import ImageInput
from dynofa_ros.nodes.perception.parameters import PerceptionParameters, declare_parameters
from dynofa_ros.nodes.perception.platform_view import PlatformView, disagreement
from dynofa_ros.nodes.perception.processor_turn import MachineTurns, turns_folder
from dynofa_ros.nodes.perception.profile import keep_learned
from dynofa_ros.nodes.perception.stage_runner import StageRunner
from dynofa_ros.nodes.perception.stages import StageSet
from dynofa_ros.nodes.perception.startup import Startup, start_up
from dynofa_ros.nodes.perception.subnet_commands import SubnetCommands
from dynofa_ros.nodes.perception.twins import Twins
from dynofa_ros.nodes.perception.vision_classification import vision_publisher
from dynofa_ros.nodes.perception.worker import PerceptionWorker
from dynofa_ros.nodes.perception.worker_types import (
    Arrival,
    EarlyAnswer,
    FrameResult,
    Loaded,
    Running,
    SubnetRequest,
    pin,
)
from dynofa_ros.nodes.qos import qos_profile
from dynofa_ros.nodes.resource_manager.messages import profile_message
from dynofa_ros.nodes.run_node import run_node
from dynofa_ros.platform import Occupancy, Platform
from dynofa_ros.platform.linux import Sysfs
from dynofa_ros.runtime.ranges import APPLICATIONS_MAX

YIELD_S = 1e-4


class PerceptionNode(GuardedNode):
    """Node `perception`, and the listener of its worker."""

    def __init__(self, **options: Any) -> None:
        super().__init__('perception', **options)
        self._thread: threading.Thread | None = None
        self._settings = parameters = declare_parameters(self)
        self._started_s = time.monotonic()
        log = self.get_logger()
        device = PerceptionDevice.find(
            platform=parameters.platform,
            device=parameters.device,
            sysfs=Sysfs(Path(parameters.sysfs_root).expanduser()),
            warn=log.warning,
        )
        self._frame_model = self._model_of(device.simulated, parameters)
        self._startup = start_up(parameters, device, log=log.info, warn=log.warning)
        self._residents, self._profile = self._startup.residents, self._startup.profile
        self._diagnostics = Diagnostics(self, self._profile.platform)
        self._attention = SceneAttention(self._attention_settings([]))
        self._attention_timer: Any = None
        self._state_lock = threading.Lock()  # both threads publish states
        self._other_apps: set[str] = set()
        self._other_frames = 0  # that ran another sub-network than the commanded one
        self._escalated_frames = 0
        self._twins = Twins(self, parameters.app, self._diagnostics)
        self._mailbox: Mailbox[Arrival, SubnetRequest | Loaded] = Mailbox()
        self._view = PlatformView(clock=time.monotonic)
        self._turns = self._make_turns()
        self._worker = self._make_worker(parameters, self._startup)
        self._arrived_s = -math.inf
        self._outputs: dict[str, Any] = {
            topic: self.create_publisher(kind, topic, qos_profile(topic))
            for kind, topic in (
                (Classification, 'classification'),
                (FrameReport, 'frame_report'),
                (SubnetState, 'subnet_state'),
                (SubnetProfile, 'subnet_profile'),
            )
        }
        self._publish_vision = vision_publisher(self)
        self._announce()
        self._subscribe(parameters)
        self._watch_attention()
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._take_parameters)
        self._thread = threading.Thread(target=self._worker.run, name='perception worker')
        self._thread.start()

    def _model_of(
        self, platform: Platform | None, parameters: PerceptionParameters
    ) -> FrameModel | None:
        if platform is None:
            return None
        app = parameters.app
        self._occupancy = occupancy = Occupancy(platform, clock=time.monotonic)
        return FrameModel(
            platform,
            seed=parameters.seed,
            jitter=parameters.jitter,
            others=lambda processor: occupancy.load_of_others(app, processor),
        )

    def _make_turns(self) -> MachineTurns:
        """Return the turns of this machine, or of the simulated one that `platform_state` names."""
        machine = 'machine'
        if self._frame_model is not None:
            topic = self.resolve_topic_name('platform_state')
            machine = f'simulated {os.environ.get("ROS_DOMAIN_ID", "0")} {topic}'
        return MachineTurns(
            turns_folder(machine),
            failed=lambda reason: self._diagnostics.problem('turns', reason),
        )

    def _make_worker(self, parameters: PerceptionParameters, startup: Startup) -> PerceptionWorker:
        processors = startup.processors
        processor = parameters.processor or next(iter(processors))
        if processor not in processors:
            raise ValueError(f'processor is {processor!r}; expected {", ".join(processors)}')
        place = startup.place_on(processor)
        subnet_id = parameters.subnet or startup.residents.cheapest
        simulated = self._frame_model is not None
        compiled = StageSet(
            startup.residents, startup.cascades, host_place=place if simulated else None
        )
        stages = compiled.load(subnet_id, place)
        startup.residents.use(*stages.residents)
        commands = SubnetCommands(
            classifier=Classifier(stages.first, startup.model.labels, top=parameters.top),
            compiled=compiled,
            active=stages,
            loader=Loader(startup.residents),
            mailbox=self._mailbox,
            listener=self,
            processors=processors,
            profile=startup.profile,
            view=self._view,
            pinned=parameters.subnet,
            running=Running(
                subnet_id=subnet_id,
                processor=processor,
                threads=min(place.threads, processors[processor]),
                precision=stages.residents[-1].precision,
                deadline_s=math.nan,
                since_s=time.monotonic(),
                reason='pinned by parameter' if parameters.subnet else 'start-up: the cheapest',
            ),
        )
        frames = FrameRunner(
            StageRunner(commands, model=self._frame_model, publish_early=parameters.publish_early),
            turns=self._turns,
            deadline_from=parameters.deadline_from,
            max_image_pixels=parameters.max_image_pixels,
        )
        return PerceptionWorker(commands, frames)

    def _announce(self) -> None:
        """Publish the profile and the active sub-network."""
        message = profile_message(self._profile)
        message.header.stamp = self.get_clock().now().to_msg()
        self._outputs['subnet_profile'].publish(message)
        self.on_running(self._worker.commands.running)
        simulated = f', simulating {self._profile.platform}' if self._frame_model else ''
        self.get_logger().info(
            f'{self._settings.app}: {len(self._residents)} sub-networks resident on '
            f'{self._residents.engine.name}, {self._residents.memory_bytes / 1e6:.0f} MB; '
            f'{len(self._profile.points)} operating points '
            f'({self._profile.latency_source}){simulated}; '
            f'images converted by {conversion_library()}; '
            f'ready after {time.monotonic() - self._started_s:.1f} s'
        )
        self._diagnostics.ok('waiting for the first image')

    def _subscribe(self, parameters: PerceptionParameters) -> None:
        ImageInput(
            self,
            self._on_image,
            transport=parameters.image_transport,
            reliable=parameters.image_reliability == 'reliable',
            diagnostics=self._diagnostics,
        )
        subscribe_to_either(self, SubnetCommand, 'subnet_command', self._on_command)
        subscriptions: list[tuple[Any, str, Any]] = [
            (SubnetState, 'subnet_state', self._on_other_state),
            (PlatformState, 'platform_state', self._on_platform),
        ]
        if self._frame_model is not None:
            subscriptions.append((FrameReport, 'frame_report', self._on_other_report))
        for kind, topic, callback in subscriptions:
            self.create_subscription(kind, topic, callback, qos_profile(topic))

    def _on_image(self, message: Image | CompressedImage) -> None:
        age = messages.age_s(self, message.header.stamp)
        before_s, self._arrived_s = self._arrived_s, time.monotonic()
        arrival = Arrival(message, self._arrived_s, age)
        period_s = self._arrived_s - before_s
        self._mailbox.put_frame(self._worker.frames.prepare_early(arrival, period_s=period_s))
        # Release the GIL: otherwise this thread holds it while it rebuilds its wait set, and the
        # worker starts 0.9 ms later instead of 0.1 ms.
        time.sleep(YIELD_S)

    def _on_command(self, message: SubnetCommand) -> None:
        if message.app == self._settings.app:
            try:
                self._mailbox.put_command(messages.command_from(message))
            except ValueError as error:
                self._diagnostics.count('subnet_command', str(error))
        elif message.app not in self._other_apps and self._is_new(message.header.stamp):
            known = ', '.join(sorted({self._settings.app} | self._other_apps))
            self._diagnostics.count('subnet_command', f'app is {message.app!r}; expected {known}')

    def _is_new(self, stamp: Time) -> bool:
        """Return whether a message was sent after this node started.

        Older commands are delivered to late joiners, possibly before the state of their receiver.
        """
        sent_ns = stamp.sec * 10**9 + stamp.nanosec
        alive_ns = int((time.monotonic() - self._started_s) * 1e9)
        return sent_ns == 0 or sent_ns > self.get_clock().now().nanoseconds - alive_ns

    def _on_other_state(self, message: SubnetState) -> None:
        """Record other applications, whose commands are not for an unknown receiver."""
        if message.app == self._settings.app:
            self._twins.on_state(message)
        elif len(self._other_apps) < APPLICATIONS_MAX:
            self._other_apps.add(message.app)

    def _on_other_report(self, report: FrameReport) -> None:
        """Record the load of other applications on the simulated platform."""
        if report.app == self._settings.app:
            return
        try:
            self._occupancy.add(
                report.app,
                processor=report.processor,
                busy_s=report.inference_s,
                threads=report.threads,
            )
        except ValueError as error:
            self._diagnostics.count('frame_report', f'app {report.app!r}: {error}')

    def _on_platform(self, message: PlatformState) -> None:
        """Record clocks and contention, of the simulated platform if this node simulates one."""
        simulated = self._frame_model is not None
        differs = disagreement(message, platform=self._profile.platform, simulated=simulated)
        self._diagnostics.problem('platform', differs)
        if message.simulated != simulated:
            return
        try:
            self._view.observe(domains_from(message))
        except ValueError as error:
            self._diagnostics.count('platform_state', str(error))
            return
        if self._frame_model is not None:
            self._update_frame_model(message, self._frame_model)

    def _update_frame_model(self, message: PlatformState, model: FrameModel) -> None:
        for domain in message.domains:
            try:
                model.set_domain(
                    domain.name,
                    frequency_hz=domain.frequency_hz,
                    co_runner_utilisation=domain.co_runner_utilisation,
                )
            except ValueError as error:
                self._diagnostics.count('platform_state', str(error))

    def _attention_settings(self, changes: list[Parameter[Any]]) -> AttentionSettings:
        return attention_settings(self, changes, known=self._startup.model.labels)

    def _check_parameters(self, changes: list[Parameter[Any]]) -> SetParametersResult:
        try:
            self._attention_settings(changes)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        for change in changes:
            if change.name == 'subnet' and change.value:
                try:
                    self._worker.commands.compiled.subnet_ids(change.value)
                except ValueError as error:
                    return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _take_parameters(self, changes: list[Parameter[Any]]) -> None:
        for change in changes:
            if change.name == 'top':
                self._worker.commands.classifier.top = change.value
            if change.name == 'publish_early':
                self._worker.frames.stages.publish_early = change.value
            if change.name == 'subnet':
                self._pin(change.value)
        self._attention.configure(self._attention_settings([]))
        self._announce_attention()
        self._watch_attention()

    def _see(self, prediction: Prediction) -> None:
        self._attention.see(prediction.labels, prediction.scores)
        self._announce_attention()

    def _announce_attention(self) -> None:
        """Publish the state if something important was seen, or is over."""
        if self._attention.due():
            self._publish_state()

    def _watch_attention(self) -> None:
        """Notice the end of a hold without a frame, where any label raises the targets."""
        if self._attention.enabled and self._attention_timer is None:
            clock = Clock(clock_type=ClockType.STEADY_TIME)
            self._attention_timer = self.create_timer(
                CHECK_S, self._announce_attention, clock=clock
            )
        elif not self._attention.enabled and self._attention_timer is not None:
            self.destroy_timer(self._attention_timer)
            self._attention_timer = None

    def _pin(self, subnet_id: str) -> None:
        """Pin a sub-network or cascade regardless of commands; empty: follow commands again."""
        self._worker.commands.pinned = subnet_id
        if subnet_id:
            self._mailbox.put_command(pin(subnet_id))

    def on_early(self, answer: EarlyAnswer) -> None:
        """Publish an answer that a later stage may correct."""
        message = messages.early_message(self._settings.app, answer)
        self._outputs['classification'].publish(message)
        self._see(answer.prediction)

    def on_result(self, result: FrameResult) -> None:
        """Publish a frame's classification and report."""
        app = self._settings.app
        classification = messages.classification_message(app, result)
        self._outputs['classification'].publish(classification)
        if self._publish_vision is not None:
            self._publish_vision(classification)
        self._outputs['frame_report'].publish(
            messages.report_message(app, self._residents.engine.name, result)
        )
        self._see(result.classified.prediction)
        self._diagnostics.set('frames', result.sequence)
        self._diagnostics.set('sub-network', result.ran.key[0])
        if result.ran.reason:
            self._other_frames += 1
            self._diagnostics.set('frames of other sub-networks', self._other_frames)
        if len(result.ran.stages) > 1:
            self._escalated_frames += 1
            self._diagnostics.set('escalated frames', self._escalated_frames)
        self._diagnostics.set('latency_s', f'{result.latency_s:.4f}')
        self._diagnostics.set('engine', self._startup.engine_reason)
        if overruns := self._worker.frames.stages.overruns:
            self._diagnostics.set('slower than the simulated platform', overruns)
        self._diagnostics.ok(f'running {result.running.subnet_id}')

    def on_running(self, running: Running) -> None:
        """Publish the active sub-network."""
        self._publish_state()

    def _publish_state(self) -> None:
        with self._state_lock:
            self._publish_latest_state(self._worker.commands.running)

    def _publish_latest_state(self, running: Running) -> None:
        now = self.get_clock().now()
        passed_ns = int((time.monotonic() - running.since_s) * 1e9)
        since_ns = max(now.nanoseconds - passed_ns, 0)
        message = messages.state_message(
            self._settings.app,
            self._startup.model.net.spec.name,
            self._worker.commands.compiled,
            running,
            since=Time(sec=since_ns // 10**9, nanosec=since_ns % 10**9),
            simulated=self._frame_model is not None,
        )
        message.header.stamp = now.to_msg()
        messages.set_attention(message, self._attention.announce(), now=now)
        self._twins.on_own_state(message)
        self._outputs['subnet_state'].publish(message)

    def on_refused(self, name: str, detail: str) -> None:
        """Count a rejected input in the diagnostics."""
        self._diagnostics.count(name, detail)

    def on_error(self, error: Exception) -> None:
        """Count an exception of the worker."""
        self.guard.caught('worker', error, app=self._settings.app)

    def destroy_node(self) -> None:
        """Stop the worker, if it was started, and destroy the node."""
        if self._thread is not None:
            self._worker.stop()
            self._thread.join()
            self._turns.close()
            if self._frame_model is None:
                keep_learned(
                    self._settings,
                    self._profile,
                    self._worker.learned(),
                    warn=self.get_logger().warning,
                )
        super().destroy_node()


def main(args: list[str] | None = None) -> int:
    """Run the node; return its exit code."""
    return run_node(PerceptionNode, args, name='perception_node')


if __name__ == '__main__':
    sys.exit(main())
