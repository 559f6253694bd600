"""What happens before the perception node is ready: model, engine, profile, resident set."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
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
from dynofa_ros.nodes.perception.device import PerceptionDevice
from dynofa_ros.nodes.perception.parameters import PerceptionParameters
from dynofa_ros.nodes.perception.profile import Profiler, read_profile, runnable
from dynofa_ros.runtime import Profile
from dynofa_ros.supernet import Model, load_model

Say = Callable[[str], object]


@dataclass(frozen=True)
class Start:
    """A perception node's model, compiled and measured."""

    model: Model
    residents: ResidentSet
    engine_reason: str
    """Which engine, and why."""
    profile: Profile
    place: Place
    """Where on this machine sub-networks run at first."""
    processors: dict[str, int]
    """Each processor that a command may name, and its CPU threads."""

    def place_on(self, processor: str) -> Place:
        """Return where on this machine to run what is to run on a processor."""
        if processor in self.residents.engine.processors and processor != self.place.processor:
            return Place(processor, self.processors[processor])
        return self.place


def make_ready(
    parameters: PerceptionParameters, device: PerceptionDevice, *, say: Say, warn: Say
) -> Start:
    """Load the model, choose the engine, compile and measure.

    Raises:
        ValueError: naming what is wrong with a parameter, a file, the model or the engine.
    """
    start_s = time.monotonic()
    platform = device.simulated
    model = load_model(parameters.model)
    cache = _cache(parameters)
    everyone = networks(model, cache)
    if platform is not None:
        # No description says what int8 gains on a platform.
        everyone = tuple(each for each in everyone if each.kept.precision == 'float32')
        stored = None
    else:
        stored = read_profile(parameters, everyone, warn=warn)
    if stored is not None:
        chosen = Chosen(stored[0], f'the profile {parameters.profile} was measured with it')
    else:
        chosen = choose_engine(parameters.engine, everyone, threads=parameters.threads)
    engine = chosen.engine
    reason = f'{engine.name} {engine.version}: {chosen.reason}'
    say(f'engine {reason}')
    residents = _resident_set(chosen, everyone, parameters, say=say)
    profiler = Profiler(model, residents, parameters, say)
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
    if cache.error:
        warn(f'compiled sub-networks are not kept: {cache.error}')
    say(f'{len(residents)} compiled sub-networks after {time.monotonic() - start_s:.1f} s')
    return Start(model, residents, reason, profile, place, processors)


def _cache(parameters: PerceptionParameters) -> CompiledCache:
    if not parameters.cache:
        return default_cache()
    return CompiledCache(Path(parameters.cache).expanduser())


def _resident_set(
    chosen: Chosen, everyone: tuple[Network, ...], parameters: PerceptionParameters, *, say: Say
) -> ResidentSet:
    """Return an empty set of the sub-networks that the engine can run; say which it cannot."""
    usable, reasons = runnable(chosen.engine, everyone)
    for each in reasons:
        say(f'left out: {each}')
    if not usable:
        raise EngineError(f'{chosen.engine.name} can run none of the sub-networks')
    return ResidentSet(usable, chosen.engine, budget_bytes=parameters.resident_bytes)
