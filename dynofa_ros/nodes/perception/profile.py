# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Obtain the profile of an application at start-up: measured, loaded from a file, or modelled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from dynofa_ros.engine import (
    AUTO,
    Engine,
    EngineError,
    Measurement,
    Network,
    Place,
    ResidentSet,
    create_engine,
    measure,
)
from dynofa_ros.engine.measure import fastest_threads, places, thread_counts
from dynofa_ros.nodes.perception.device import Log
from dynofa_ros.nodes.perception.parameters import PerceptionParameters
from dynofa_ros.nodes.perception.stages import CalibratedCascade
from dynofa_ros.platform import Platform
from dynofa_ros.profiles.corrections import (
    corrections_file,
    save_corrections,
    with_corrections,
)
from dynofa_ros.profiles.measured import measured_profile, modelled_profile
from dynofa_ros.profiles.network import cascade_of
from dynofa_ros.profiles.stored import Conditions, StoredProfile
from dynofa_ros.runtime import Profile
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.operating_points.profile import SubnetOn, prune
from dynofa_ros.supernet import Model


def runnable(engine: Engine, networks: Iterable[Network]) -> tuple[list[Network], list[str]]:
    """Return the networks that an engine can run here, and the reason for each other one."""
    usable, reasons = [], []
    for network in networks:
        try:
            engine.precision(network, engine.processors[0])
        except EngineError as error:
            reasons.append(str(error))
        else:
            usable.append(network)
    return usable, reasons


def runnable_cascades(model: Model, profile: Profile, *, log: Log) -> tuple[CalibratedCascade, ...]:
    """Return the cascades of a model whose stages are all in a profile; log the others."""
    profiled = {point.subnet_id for point in profile.points}
    runnable = []
    for record in model.cascades:
        if missing := [stage for stage in record.stages if stage not in profiled]:
            log(f'left out: {record.cascade_id}: {", ".join(missing)} cannot run here')
        else:
            runnable.append(CalibratedCascade(cascade_of(record), record.temperatures))
    return tuple(runnable)


def profile_file(parameters: PerceptionParameters) -> Path | None:
    """Return the file of the parameter ``profile``; None if it is empty."""
    return Path(parameters.profile).expanduser() if parameters.profile else None


def with_learned(parameters: PerceptionParameters, profile: Profile, *, warn: Log) -> Profile:
    """Return the profile with what earlier runs learned about it; a damaged file is a warning."""
    file = profile_file(parameters)
    if file is None:
        return profile
    try:
        return with_corrections(profile, corrections_file(file))
    except (ValueError, OSError) as error:
        warn(f'{error}: learning again')
        return profile


def keep_learned(
    parameters: PerceptionParameters,
    profile: Profile,
    corrections: Mapping[SubnetOn, Correction],
    *,
    warn: Log,
) -> None:
    """Write what was learned beside the file of the parameter ``profile``, if there is one."""
    file = profile_file(parameters)
    if file is None or not file.is_file() or not corrections:
        return
    try:
        save_corrections(corrections_file(file), corrections, profile)
    except (ValueError, OSError) as error:
        warn(f'{error}: the next start learns again')


def read_profile(
    parameters: PerceptionParameters, networks: Sequence[Network], *, warn: Log
) -> tuple[Engine, Profile] | None:
    """Return the stored profile and its fastest engine (or the engine set by parameter).

    None if there is no such file, or, after a warning, if it is damaged, or does not apply to this
    machine, engine or model.
    """
    file = profile_file(parameters)
    if file is None:
        return None
    try:
        if not file.exists():
            return None
        if not file.is_file():  # reading a pipe would wait forever
            raise ValueError(f'profile {file} is not a file')
        stored = StoredProfile.load(file, parameters.app)
    except (ValueError, OSError) as error:
        warn(f'{error}: measuring again')
        return None
    reasons = []
    auto = parameters.engine == AUTO
    for name in _fastest_first(stored.profile) if auto else [parameters.engine]:
        try:
            engine = create_engine(name)
            usable, _ = runnable(engine, networks)
            if not (mismatch := stored.mismatch(usable, engine)):
                most = parameters.threads
                return engine, stored.points_for(usable, engine, most_threads=most)
        except ValueError as error:  # not installed any more, or no point has so few threads
            mismatch = str(error)
        reasons.append(mismatch)
    warn(f'profile {file} does not apply: {"; ".join(reasons)}: measuring again')
    return None


def _fastest_first(profile: Profile) -> list[str]:
    """Return the engines of a profile, sorted by their latency for its largest sub-network."""
    flops = max(point.flops for point in profile.points)
    largest = [point for point in profile.points if point.flops == flops]
    by_latency = sorted(largest, key=lambda point: point.latency_s)
    return list(dict.fromkeys(point.engine for point in by_latency))


@dataclass(frozen=True)
class Profiler:
    """Makes the profile of a model on this machine."""

    model: Model
    residents: ResidentSet
    parameters: PerceptionParameters
    log: Log
    warn: Log

    def modelled(self, platform: Platform) -> tuple[Profile, Place]:
        """Return the profile of a simulated platform, and the fastest place on this machine.

        Only the best number of threads is measured here, with the largest sub-network.
        """
        networks = self.residents.networks.values()
        largest = max(networks, key=lambda network: network.kept.flops).kept.subnet_id
        processor = self.residents.engine.processors[0]
        place = Place(processor, fastest_threads(self._measure([largest], [processor])))
        self.residents.load_all((each.kept.subnet_id, place) for each in networks)
        runnable_model = replace(self.model, kept=tuple(each.kept for each in networks))
        engine = self.residents.engine.name
        return modelled_profile(self.parameters.app, runnable_model, engine, platform), place

    def measured(self) -> tuple[Profile, Place]:
        """Measure every sub-network here; write the file of the parameter ``profile``.

        A file that cannot be written is a warning: the next start measures again.
        """
        engine = self.residents.engine
        measurements = self._measure(list(self.residents.networks), engine.processors)
        profile = measured_profile(self.parameters.app, self.model, engine.name, measurements)
        file = profile_file(self.parameters)
        if file is not None:
            conditions = Conditions.here(
                list(self.residents.networks.values()), [engine], now=datetime.now(timezone.utc)
            )
            self._save(StoredProfile(profile, conditions), file)
        return profile, self.load(profile)

    def _save(self, stored: StoredProfile, file: Path) -> None:
        try:
            if file.exists() and not file.is_file():
                raise ValueError(f'profile {file} is not a file')
            stored.save(file)
        except (ValueError, OSError) as error:
            self.warn(f'{error}: the next start measures again')
        else:
            self.log(f'profile written to {file}')

    def load(self, profile: Profile) -> Place:
        """Compile the points that the manager is likely to choose; return the fastest place.

        These are every sub-network at the fastest place, then the other Pareto-optimal points.
        """
        first = self.residents.engine.processors[0]
        threads = fastest_threads(point for point in profile.points if point.processor == first)
        place = Place(first, threads)
        wanted = [(subnet_id, place) for subnet_id in self.residents.networks]
        wanted += [
            (point.subnet_id, Place(point.processor, point.threads))
            for point in prune(profile.points)
        ]
        self.residents.load_all(dict.fromkeys(wanted))
        return place

    def _measure(
        self, subnet_ids: Sequence[str], processors: Collection[str]
    ) -> tuple[Measurement, ...]:
        candidates = places(self.residents.engine, thread_counts(self.parameters.threads))
        self.log(f'measuring {", ".join(subnet_ids)} of {self.model.name} here')
        measurements = measure(
            [
                self.residents.load(subnet_id, place)
                for place in candidates
                if place.processor in processors
                for subnet_id in subnet_ids
            ],
            rounds=self.parameters.profile_rounds,
        )
        for each in measurements:
            self.log(
                f'  {each.subnet_id}: {each.latency_s * 1e3:.2f} ms +- '
                f'{each.latency_std_s * 1e3:.2f} ms on {each.processor}, threads: {each.threads}'
            )
        return measurements
