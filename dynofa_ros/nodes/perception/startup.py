# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Prepare the perception node: load the model, choose the engine, compile, obtain the profile."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from dynofa_ros.engine import (
    CPU,
    Chosen,
    CompiledCache,
    EngineError,
    Network,
    Place,
    ResidentSet,
    choose_engine,
    default_cache,
    networks,
)
from dynofa_ros.nodes.perception.device import Log, PerceptionDevice
from dynofa_ros.nodes.perception.parameters import PerceptionParameters
from dynofa_ros.nodes.perception.profile import (
    Profiler,
    read_profile,
    runnable,
    runnable_cascades,
    with_learned,
)
from dynofa_ros.nodes.perception.stages import CalibratedCascade
from dynofa_ros.runtime import Profile
from dynofa_ros.supernet import Model, load_model


@dataclass(frozen=True)
class Startup:
    """A model, compiled and profiled."""

    model: Model
    residents: ResidentSet
    engine_reason: str
    """Name and version of the engine, and why it was chosen."""
    profile: Profile
    cascades: tuple[CalibratedCascade, ...]
    """Those whose stages are all in the profile."""
    place: Place
    """Fastest place on this machine."""
    processors: dict[str, int]
    """Processors that a command may name, each with its number of CPU threads."""

    def place_on(self, processor: str) -> Place:
        """Return the place on this machine that runs the sub-networks of a processor."""
        if processor in self.residents.engine.processors and processor != self.place.processor:
            return Place(processor, self.processors[processor])
        return self.place


def start_up(
    parameters: PerceptionParameters, device: PerceptionDevice, *, log: Log, warn: Log
) -> Startup:
    """Load the model, choose the engine, compile, and obtain the profile.

    Raises:
        ValueError: naming the parameter, file, model or engine that is wrong.
    """
    start_s = time.monotonic()
    platform = device.simulated
    model = load_model(parameters.model)
    cache = default_cache()
    if parameters.cache:
        cache = CompiledCache(Path(parameters.cache).expanduser())
    candidates = networks(model, cache)
    stored = None
    if platform is None:
        stored = read_profile(parameters, candidates, warn=warn)
    else:  # platform descriptions do not model int8
        candidates = tuple(each for each in candidates if each.kept.precision == 'float32')
    if stored is not None:
        chosen = Chosen(stored[0], f'the profile {parameters.profile} was measured with it')
    else:
        chosen = choose_engine(parameters.engine, candidates, threads=parameters.threads)
    engine = chosen.engine
    reason = f'{engine.name} {engine.version}: {chosen.reason}'
    log(f'engine {reason}')
    residents = _resident_set(chosen, candidates, parameters, log=log)
    profiler = Profiler(model, residents, parameters, log=log, warn=warn)
    processors = {each: parameters.threads if each == CPU else 1 for each in engine.processors}
    if platform is not None:
        profile, place = profiler.modelled(platform)
        processors = {name: unit.cores for name, unit in platform.processors.items()}
    elif stored is not None:
        profile = stored[1]
        place = profiler.load(profile)
    else:
        profile, place = profiler.measured()
    profile = device.complete(profile, model)
    if platform is None:
        profile = with_learned(parameters, profile, warn=warn)
    cascades = runnable_cascades(model, profile, log=log)
    profile = replace(profile, cascades=tuple(each.cascade for each in cascades))
    if cache.error:
        warn(f'cache of compiled sub-networks: {cache.error}')
    log(f'{len(residents)} compiled sub-networks after {time.monotonic() - start_s:.1f} s')
    return Startup(model, residents, reason, profile, cascades, place, processors)


def _resident_set(
    chosen: Chosen, candidates: tuple[Network, ...], parameters: PerceptionParameters, *, log: Log
) -> ResidentSet:
    """Return an empty set of the sub-networks that the engine can run; log those it cannot."""
    usable, reasons = runnable(chosen.engine, candidates)
    for reason in reasons:
        log(f'left out: {reason}')
    if not usable:
        raise EngineError(f'{chosen.engine.name} can run none of the sub-networks')
    return ResidentSet(usable, chosen.engine, budget_bytes=parameters.resident_bytes)
