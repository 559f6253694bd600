# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Our policy: the node's resource manager in simulated time.

This does with plain values what `nodes/resource_manager/node.py` does with messages: profiles,
frames, frequencies, power, temperatures and battery in, commands out, each acknowledged. Each
application chooses what a frame runs as `nodes/perception` does. Messages take no time.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from dynofa_ros.platform.device import MODELLED
from dynofa_ros.platform.simulated.device import MAX_STEP_S
from dynofa_ros.runtime import (
    BatteryObservation,
    DomainObservation,
    FrameObservation,
    ManagerSettings,
    PlatformObservation,
    ResourceManager,
    SubnetObservation,
    TargetRequest,
    TemperatureObservation,
)
from dynofa_ros.runtime.actuation.clocks import ClockCommand
from dynofa_ros.runtime.actuation.subnets import SwitchCommand
from dynofa_ros.runtime.frame_choice import Envelope
from dynofa_ros.runtime.frame_selector import FrameSelector
from dynofa_ros.runtime.operating_points.point import PointKey
from dynofa_ros.runtime.status import ManagerOutput
from dynofa_ros.simulation.application import (
    ExecutionOption,
    SimulatedApplication,
    SimulatedFrame,
    StageRun,
)
from dynofa_ros.simulation.camera import Image
from dynofa_ros.simulation.governors.linux import Governor
from dynofa_ros.simulation.machine import Trace
from dynofa_ros.simulation.policies.policy import Policy, Setup, System
from dynofa_ros.simulation.scenario import BATTERY, PLATFORM_STATE

# Defaults of the nodes: decision_rate_hz of the manager, publish_rate_hz of the platform.
DECISION_PERIOD_S = 1.0
PLATFORM_PERIOD_S = MAX_STEP_S
BATTERY_PERIOD_S = 1.0  # of usual battery drivers


class ManagedPolicy(Policy):
    """`runtime.ResourceManager`; without `dvfs` it selects sub-networks only."""

    takes_turns = True

    def __init__(
        self,
        setup: Setup,
        *,
        dvfs: bool = True,
        governors: Mapping[str, Governor] | None = None,
        only: Mapping[str, PointKey] | None = None,
        deadline_probability: float = ManagerSettings.deadline_probability,
        cascades: bool = True,
    ) -> None:
        """`governors` set frequencies without `dvfs`; `only` restricts applications to one key."""
        self.governors = governors or {}
        self._settings = ManagerSettings(
            dvfs=dvfs,
            objective=setup.scenario.objective,
            power_cap_w=setup.scenario.power_cap_w,
            mission_s=setup.scenario.mission_s,
            deadline_probability=deadline_probability,
            cascades=cascades,
        )
        self._scenario = setup.scenario
        self._only = only or {}
        self._sequence = 0  # of the last clock command
        self._violated_targets: dict[str, list[str]] = {}
        self._cap_w = math.inf
        self._domains: dict[tuple[float, ...], tuple[DomainObservation, ...]] = {}
        self._selectors: dict[str, FrameSelector] = {}  # by application, as in its node
        self._started_hz: dict[str, float] = {}  # frequency at the start of the present frame

    def start(self, system: System) -> None:
        """Start the manager and its periodic observations and decisions."""
        super().start(system)
        queue = system.queue
        self.manager = ResourceManager(self._settings, clock=lambda: queue.now_s)
        queue.every(PLATFORM_PERIOD_S, self._observe_platform)
        if system.machine.platform.battery is not None:
            queue.every(BATTERY_PERIOD_S, self._observe_battery)
        queue.every(DECISION_PERIOD_S, self._step)

    def joined(self, application: SimulatedApplication) -> None:
        """Send the profile and the first targets."""
        name, profile = application.plan.name, application.profile
        if name in self._only:
            points = tuple(each for each in profile.points if each.key == self._only[name])
            profile = dataclasses.replace(profile, points=points)
        self._selectors[name] = FrameSelector(profile)
        self.manager.set_profile(profile)
        self.target_changed(application)

    def left(self, application: SimulatedApplication) -> None:
        """Tell the manager, which the node learns from the ROS graph."""
        self.manager.remove(application.plan.name)
        self._step_if_due()

    def target_changed(self, application: SimulatedApplication) -> None:
        """Request the present targets."""
        target = application.target
        self.manager.request_target(
            TargetRequest(
                app=application.plan.name,
                deadline_s=target.deadline_s,
                min_accuracy=target.min_accuracy,
                priority=target.priority,
            )
        )
        self._step_if_due()

    def longest_wait_s(self, application: SimulatedApplication, image: Image) -> float:
        """Return the time after which no point of the envelope is in time any more."""
        assert application.selected is not None
        time_left_s = self._time_left_s(application, image)
        frequency_hz = self._frequency_hz(application.selected.processor)
        selector = self._selectors[application.plan.name]
        return time_left_s - selector.shortest_s(frequency_hz=frequency_hz)

    def choose_option(self, application: SimulatedApplication, image: Image) -> ExecutionOption:
        """Choose within the commanded envelope, as the application's node does."""
        name, selected = application.plan.name, application.selected
        assert selected is not None
        now_s = self.system.queue.now_s
        self._started_hz[name] = frequency_hz = self._frequency_hz(selected.processor)
        choice = self._selectors[name].select(
            time_left_s=self._time_left_s(application, image),
            frequency_hz=frequency_hz,
            now_s=now_s,
        )
        if choice.reason and self.system.trace:
            self.system.trace('frame_choice', app=name, reason=choice.reason)
        return application.execution_options[choice.key]

    def fits(self, application: SimulatedApplication, image: Image, stage: ExecutionOption) -> bool:
        """Apply the rule of the application's node; the next stage starts at once."""
        subnet_id, _, processor, threads = stage.key
        name, frequency_hz = application.plan.name, self._frequency_hz(processor)
        self._started_hz[name] = frequency_hz
        fits, needed_s = self._selectors[name].time_for(
            subnet_id,
            processor=processor,
            threads=threads,
            time_left_s=self._time_left_s(application, image),
            frequency_hz=frequency_hz,
        )
        if not fits and self.system.trace:
            self.system.trace('cut', app=name, subnet_id=subnet_id, needed_s=needed_s)
        return fits

    def stage_done(self, application: SimulatedApplication, run: StageRun) -> None:
        """Let the application learn from its own inference."""
        name = application.plan.name
        self._selectors[name].observe(
            run.option.key,
            inference_s=run.inference_s,
            clocks_hz=(self._started_hz[name], self._frequency_hz(run.option.processor)),
            now_s=run.done_s,
            later=run.later,
        )

    def _time_left_s(self, application: SimulatedApplication, image: Image) -> float:
        return image.arrived_s + application.deadline_s(image) - self.system.queue.now_s

    def _frequency_hz(self, processor: str) -> float:
        machine = self.system.machine
        return machine.frequency_hz(machine.platform.processors[processor].domain)

    def finished(self, frame: SimulatedFrame) -> None:
        """Report a frame."""
        subnet_id, engine, processor, threads = frame.option.key
        self.manager.observe_frame(
            FrameObservation(
                app=frame.app,
                sequence=frame.sequence,
                subnet_id=subnet_id,
                engine=engine,
                processor=processor,
                threads=threads,
                inference_s=frame.inference_s,
                overhead_s=self.system.applications[frame.app].plan.overhead_s,
                stamp_s=frame.arrived_s,
                skipped=frame.dropped,
                stages=tuple((each.option.key[0], each.inference_s) for each in frame.stages),
                first_score=frame.first_score,
            )
        )
        self._step_if_due()

    def _observe_platform(self) -> None:
        machine, now_s = self.system.machine, self.system.queue.now_s
        if self._scenario.lost(PLATFORM_STATE, time_s=now_s):
            return
        platform = machine.platform
        zones = platform.thermal_zones
        self.manager.observe_platform(
            PlatformObservation(
                platform=platform.name,
                domains=self._observe_domains(),
                command_sequence=self._sequence,
                command_applied=self._sequence > 0,
                power_w=machine.power_w,
                power_source=MODELLED,
                temperatures=tuple(
                    TemperatureObservation(name, temperature_c, zones[name].throttle_c)
                    for name, temperature_c in machine.temperatures_c.items()
                ),
            )
        )
        self._step_if_due()

    def _observe_battery(self) -> None:
        machine = self.system.machine
        model, charge = machine.platform.battery, machine.battery
        if model is None or self._scenario.lost(BATTERY, time_s=self.system.queue.now_s):
            return
        battery = BatteryObservation(
            percentage=charge,
            voltage_v=model.voltage_v(charge),
            charge_ah=charge * model.capacity_ah,
            capacity_ah=model.capacity_ah,
        )
        self.manager.observe_battery(battery.charge, energy_j=battery.energy_j)
        self._step_if_due()

    def _observe_domains(self) -> tuple[DomainObservation, ...]:
        """Return the observation of all domains, cached: only frequencies ever change."""
        machine = self.system.machine
        key = machine.frequencies_hz
        if key not in self._domains:
            platform = machine.platform
            self._domains[key] = tuple(
                DomainObservation(
                    name=name,
                    processors=machine.processors_of(name),
                    frequency_hz=machine.frequency_hz(name),
                    frequencies_hz=domain.frequencies_hz,
                    settable=True,
                    contention=tuple(
                        platform.processor(each).slowdown(1.0) - 1.0
                        for each in machine.processors_of(name)
                    ),
                )
                for name, domain in platform.domains.items()
            )
        return self._domains[key]

    def _step_if_due(self) -> None:
        if self.manager.due:
            self._step()

    def _step(self) -> None:
        output = self.manager.step()
        if self.system.trace:
            self._trace_output(output, self.system.trace)
        for switch in output.switches:
            self._apply_switch(switch)
        if output.clocks is not None:
            self._apply_frequencies(output.clocks)

    def _trace_output(self, output: ManagerOutput, trace: Trace) -> None:
        """Trace commands, and changes of the violated targets and of the power cap."""
        for switch in output.switches:
            trace('command', **dataclasses.asdict(switch))
        if output.clocks is not None:
            trace('clock_command', **dataclasses.asdict(output.clocks))
        violated_targets = {
            each.choice.app: list(each.choice.violated_targets)
            for each in output.status.apps
            if each.choice.violated_targets and each.choice.app in self.system.applications
        }
        if violated_targets != self._violated_targets:
            self._violated_targets = violated_targets
            trace('violated_targets', targets=violated_targets)
        budget = output.status.budget
        if budget.applications_w != self._cap_w:
            self._cap_w = budget.applications_w
            trace(
                'power_cap',
                power_w=_finite_or_nan(budget.board.power_w),
                reason=budget.board.reason,
                applications_w=_finite_or_nan(budget.applications_w),
            )

    def _apply_switch(self, command: SwitchCommand) -> None:
        """Select the commanded option and acknowledge; an application that has left does not."""
        application = self.system.applications.get(command.app)
        if application is None:
            return
        option = (command.subnet_id, command.processor, command.threads)
        keys = application.execution_options
        key = next(key for key in keys if (key[0], key[2], key[3]) == option)
        application.switch(key)
        self._selectors[command.app].command(command.envelope or Envelope((key,)))
        self.manager.observe_subnet(
            SubnetObservation(
                app=command.app,
                subnet_id=command.subnet_id,
                processor=command.processor,
                command_sequence=command.sequence,
                command_applied=True,
            )
        )

    def _apply_frequencies(self, command: ClockCommand) -> None:
        """Request the commanded frequencies; the next platform state acknowledges them at once."""
        self._sequence = command.sequence
        machine = self.system.machine
        for name, frequency_hz in command.clocks_hz.items():
            machine.set_frequency(name, machine.platform.domains[name].check(name, frequency_hz))
        self._observe_platform()


def _finite_or_nan(cap_w: float) -> float:
    """Return a power cap, or NaN where there is none."""
    return cap_w if math.isfinite(cap_w) else math.nan
