"""How an application comes to its profile at start-up: measured, read from a file, or modelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dynofa_ros.engine import Engine, Measurement, ResidentSet, measure
from dynofa_ros.engine.measure import fastest_threads, thread_counts
from dynofa_ros.engine.resident_set import Resident
from dynofa_ros.nodes.perception_parameters import PerceptionParameters
from dynofa_ros.offline.profile import (
    host_name,
    load_profile,
    measured_profile,
    modelled_profile,
    save_profile,
)
from dynofa_ros.platform import Platform
from dynofa_ros.runtime import Profile
from dynofa_ros.supernet import Model


@dataclass(frozen=True)
class StartingProfile:
    """A profile, and the number of CPU threads with which this machine is fastest."""

    profile: Profile
    threads: int


@dataclass(frozen=True)
class Profiler:
    """Makes the profile of a model on this machine; ``say`` and ``warn`` take lines for the log."""

    model: Model
    engine: Engine
    residents: ResidentSet
    options: PerceptionParameters
    say: Callable[[str], object]
    warn: Callable[[str], object]

    def modelled(self, platform: Platform) -> StartingProfile:
        """Return a simulated platform's profile.

        Of this machine only the best number of threads matters: the dearest sub-network tells.
        """
        dearest = max(self.residents, key=lambda each: each.kept.flops)
        threads = fastest_threads(self._measure([dearest]))
        app, engine = self.options.app, self.engine.name
        return StartingProfile(modelled_profile(app, self.model, engine, platform), threads)

    def measured(self) -> StartingProfile:
        """Return this machine's profile, from the file if that fits, else measured.

        Raises:
            ValueError: naming the file that is damaged or cannot be written.
        """
        file = Path(self.options.profile).expanduser() if self.options.profile else None
        if file is not None and file.exists():
            profile = load_profile(file, self.options.app)
            if profile.platform == host_name():
                return self._read(profile, file)
            self.warn(
                f'profile {file} is for {profile.platform}, this is {host_name()}: measuring again'
            )
        measurements = self._measure(list(self.residents))
        profile = measured_profile(
            self.options.app, self.model, self.engine.name, measurements
        )
        if file is not None:
            save_profile(profile, file)
            self.say(f'profile written to {file}')
        return StartingProfile(profile, fastest_threads(measurements))

    def _read(self, profile: Profile, file: Path) -> StartingProfile:
        """Return the profile without points of more threads than this node may use."""
        kept = {each.subnet_id for each in self.model.kept}
        unknown = sorted({point.subnet_id for point in profile.points} - kept)
        if unknown:
            raise ValueError(
                f'profile {file} has sub-networks {", ".join(unknown)}; '
                f'{self.model.name} keeps: {", ".join(sorted(kept))}'
            )
        most = self.options.threads
        points = tuple(point for point in profile.points if point.threads <= most)
        if not points:
            raise ValueError(f'profile {file} has no point of at most {most} threads')
        measurements = [
            Measurement(each.subnet_id, each.threads, each.latency_s, each.latency_std_s)
            for each in points
        ]
        return StartingProfile(replace(profile, points=points), fastest_threads(measurements))

    def _measure(self, residents: Sequence[Resident]) -> tuple[Measurement, ...]:
        names = ', '.join(each.kept.subnet_id for each in residents)
        self.say(f'measuring {names} of {self.model.name} here')
        measurements = measure(
            residents,
            self.engine,
            threads=thread_counts(self.options.threads),
            rounds=self.options.profile_rounds,
        )
        for each in measurements:
            self.say(
                f'  {each.subnet_id}: {each.latency_s * 1e3:.1f} ms +- '
                f'{each.latency_std_s * 1e3:.1f} ms, threads: {each.threads}'
            )
        return measurements
