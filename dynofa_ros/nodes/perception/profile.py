"""How an application comes to its profile at start-up: measured, read from a file, or modelled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
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
from dynofa_ros.nodes.perception.parameters import PerceptionParameters
from dynofa_ros.platform import Platform
from dynofa_ros.profiles.measured import measured_profile, modelled_profile
from dynofa_ros.profiles.stored import Conditions, StoredProfile
from dynofa_ros.runtime import OperatingPoint, Profile
from dynofa_ros.runtime.operating_points.profile import prune
from dynofa_ros.supernet import Model

Say = Callable[[str], object]


def runnable(engine: Engine, everyone: Iterable[Network]) -> tuple[list[Network], list[str]]:
    """Return the sub-networks that an engine can run here, and why it cannot run the others."""
    usable, reasons = [], []
    for each in everyone:
        try:
            engine.precision(each, engine.processors[0])
        except EngineError as error:
            reasons.append(str(error))
        else:
            usable.append(each)
    return usable, reasons


def profile_file(parameters: PerceptionParameters) -> Path | None:
    """Return the file of the parameter ``profile``; None if it is empty."""
    return Path(parameters.profile).expanduser() if parameters.profile else None


def read_profile(
    parameters: PerceptionParameters, everyone: Sequence[Network], *, warn: Say
) -> tuple[Engine, Profile] | None:
    """Return the engine that the stored profile chooses, and its points.

    None if there is no such file, or it does not apply to this machine, engine or model: ``warn``
    hears why.

    Raises:
        ValueError: naming the file that is damaged.
    """
    file = profile_file(parameters)
    if file is None or not file.exists():
        return None
    stored = StoredProfile.load(file, parameters.app)
    reasons = []
    auto = parameters.engine == AUTO
    for name in _fastest_first(stored.profile) if auto else [parameters.engine]:
        try:
            engine = create_engine(name)
            usable, _ = runnable(engine, everyone)
            if not (why_not := stored.why_not(usable, engine)):
                most = parameters.threads
                return engine, stored.points_for(usable, engine, most_threads=most)
        except ValueError as error:  # the engine is gone, or no point has so few threads
            why_not = str(error)
        reasons.append(why_not)
    warn(f'profile {file} does not apply: {"; ".join(reasons)}: measuring again')
    return None


def _fastest_first(profile: Profile) -> list[str]:
    """Return the engines of a profile by their best latency for its dearest sub-network."""
    dearest = max(each.flops for each in profile.points)
    best: dict[str, float] = {}
    for each in profile.points:
        if each.flops == dearest:
            best[each.engine] = min(each.latency_s, best.get(each.engine, each.latency_s))
    return sorted(best, key=lambda name: best[name])


@dataclass(frozen=True)
class Profiler:
    """Makes the profile of a model on this machine; ``say`` takes lines for the log."""

    model: Model
    residents: ResidentSet
    parameters: PerceptionParameters
    say: Say

    def modelled(self, platform: Platform) -> tuple[Profile, Place]:
        """Return a simulated platform's profile, and the place here that is fastest.

        Of this machine only the best number of threads matters: the dearest sub-network tells.
        """
        networks = self.residents.networks.values()
        dearest = max(networks, key=lambda each: each.kept.flops).kept.subnet_id
        processor = self.residents.engine.processors[0]
        measurements = self._measure([dearest], [processor])
        place = Place(processor, fastest_threads(measurements))
        self.residents.load_all((each.kept.subnet_id, place) for each in networks)
        app, engine = self.parameters.app, self.residents.engine.name
        runnable_model = replace(self.model, kept=tuple(each.kept for each in networks))
        return modelled_profile(app, runnable_model, engine, platform), place

    def measured(self) -> tuple[Profile, Place]:
        """Measure everything here; write the file of the parameter ``profile``.

        Raises:
            ValueError: naming the file that cannot be written.
        """
        engine = self.residents.engine
        measurements = self._measure(list(self.residents.networks), engine.processors)
        profile = measured_profile(self.parameters.app, self.model, engine.name, measurements)
        file = profile_file(self.parameters)
        if file is not None:
            conditions = Conditions.here(
                list(self.residents.networks.values()), [engine], now=datetime.now(timezone.utc)
            )
            StoredProfile(profile, conditions).save(file)
            self.say(f'profile written to {file}')
        return profile, self.load(profile)

    def load(self, profile: Profile) -> Place:
        """Load what the manager will choose first; return the place that is fastest.

        Every sub-network at that place, then the other points that no other beats.
        """
        first = self.residents.engine.processors[0]
        threads = fastest_threads(each for each in profile.points if each.processor == first)
        place = Place(first, threads)
        wanted = [(each, place) for each in self.residents.networks]
        wanted += [_where(point) for point in prune(profile.points)]
        self.residents.load_all(dict.fromkeys(wanted))
        return place

    def _measure(
        self, subnet_ids: Sequence[str], processors: Collection[str]
    ) -> tuple[Measurement, ...]:
        where = [
            each
            for each in places(self.residents.engine, thread_counts(self.parameters.threads))
            if each.processor in processors
        ]
        self.say(f'measuring {", ".join(subnet_ids)} of {self.model.name} here')
        measurements = measure(
            [self.residents.load(each, place) for place in where for each in subnet_ids],
            rounds=self.parameters.profile_rounds,
        )
        for each in measurements:
            self.say(
                f'  {each.subnet_id}: {each.latency_s * 1e3:.2f} ms +- '
                f'{each.latency_std_s * 1e3:.2f} ms on {each.processor}, threads: {each.threads}'
            )
        return measurements


def _where(point: OperatingPoint) -> tuple[str, Place]:
    return point.subnet_id, Place(point.processor, point.threads)
