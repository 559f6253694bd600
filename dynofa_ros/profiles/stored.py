"""A profile on disk: the operating points, and all that they hold for.

A latency holds for one machine and one version of an engine, an accuracy for the weights that it
was measured with. The file says which these were, so whoever reads it can tell whether it applies.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from dynofa_ros.atomic_file import json_text, written_whole
from dynofa_ros.engine import Engine, Network
from dynofa_ros.platform.host import Host
from dynofa_ros.runtime import OperatingPoint, Profile

MEASURED_WITH = 'measured_with'


@dataclass(frozen=True)
class Conditions:
    """What a profile was measured with."""

    host: Host
    engines: Mapping[str, str]
    """Version of each engine, by its name."""
    subnets: Mapping[str, str]
    """Digest of weights and config of each sub-network, by its name: ``Network.key``."""
    date: str
    """When it was measured, ISO 8601."""

    def __post_init__(self) -> None:
        """Raise ValueError that names the field, the value and what is allowed."""
        for name in ('engines', 'subnets'):
            values = getattr(self, name)
            if not isinstance(values, Mapping) or not values or not _all_texts(values):
                raise ValueError(f'{name} is {values!r}; expected texts by name, one or more')
        try:
            datetime.fromisoformat(self.date)
        except (TypeError, ValueError):
            raise ValueError(f'date is {self.date!r}; expected ISO 8601') from None

    @classmethod
    def here(
        cls, networks: Sequence[Network], engines: Iterable[Engine], *, now: datetime
    ) -> Conditions:
        """Return those of a measurement of these sub-networks on this machine.

        Raises:
            ValueError: without a network or an engine.
        """
        return cls(
            host=Host.here(),
            engines={each.name: each.version for each in engines},
            subnets={each.kept.subnet_id: each.key for each in networks},
            date=now.isoformat(timespec='seconds'),
        )


@dataclass(frozen=True)
class StoredProfile:
    """A profile and what it was measured with; ``measured_with`` is None where it does not say."""

    profile: Profile
    measured_with: Conditions | None

    def __post_init__(self) -> None:
        """Raise ValueError for a point of an engine or sub-network that the conditions lack."""
        if self.measured_with is None:
            return
        for point in self.profile.points:
            for field, known in (
                ('engine', self.measured_with.engines),
                ('subnet_id', self.measured_with.subnets),
            ):
                if (value := getattr(point, field)) not in known:
                    raise ValueError(
                        f'operating point {point.subnet_id!r}: {field} is {value!r}; '
                        f'expected {", ".join(known)}'
                    )

    def why_not(
        self, networks: Sequence[Network], engine: Engine, *, host: Host | None = None
    ) -> str:
        """Return in words why it does not apply; nothing if it does.

        ``networks`` are the sub-networks to run, all of which it must have measured; ``host`` is
        where, this machine unless another is given.
        """
        known, here = self.measured_with, host or Host.here()
        if known is None:
            return 'it does not say what it was measured with'
        if known.host != here:
            return f'it was measured on {known.host}, this is {here}'
        if engine.name not in known.engines:
            return f'it was measured with {", ".join(known.engines)}, not with {engine.name}'
        if known.engines[engine.name] != engine.version:
            return (
                f'it was measured with {engine.name} {known.engines[engine.name]}, '
                f'this is {engine.version}'
            )
        changed = [
            each.kept.subnet_id
            for each in networks
            if known.subnets.get(each.kept.subnet_id, each.key) != each.key
        ]
        if changed:
            return f'it was measured with other weights or another config of {", ".join(changed)}'
        return self._unmeasured(networks, engine)

    def _unmeasured(self, networks: Sequence[Network], engine: Engine) -> str:
        accuracy = {
            each.subnet_id: each.accuracy
            for each in self.profile.points
            if each.engine == engine.name
        }
        wanted = {each.kept.subnet_id: each.kept.accuracy for each in networks}
        if missing := [name for name in wanted if name not in accuracy]:
            return f'it has no point of {engine.name} for {", ".join(missing)}'
        if other := [name for name in wanted if accuracy[name] != wanted[name]]:
            return f'the model has another accuracy for {", ".join(other)}'
        return ''

    def points_for(
        self, networks: Sequence[Network], engine: Engine, *, most_threads: int
    ) -> Profile:
        """Return the profile of these sub-networks with one engine and so many threads at most.

        Raises:
            ValueError: if it has no such point.
        """
        wanted = {each.kept.subnet_id for each in networks}
        points = tuple(
            each
            for each in self.profile.points
            if each.engine == engine.name
            and each.subnet_id in wanted
            and each.threads <= most_threads
        )
        if not points:
            raise ValueError(
                f'profile of {self.profile.app!r} has no point of {engine.name} with at most '
                f'{most_threads} threads'
            )
        return replace(self.profile, points=points)

    def save(self, file: Path) -> None:
        """Write it as JSON, whole or not at all; NaN becomes null.

        Raises:
            ValueError: naming the file that cannot be written.
        """
        document: dict[str, Any] = asdict(self.profile)
        if self.measured_with is not None:
            document = {MEASURED_WITH: asdict(self.measured_with)} | document
        with written_whole(file, what='profile') as partial:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json_text(document), encoding='utf-8')

    @classmethod
    def load(cls, file: Path, app: str) -> StoredProfile:
        """Read a profile for an application.

        Raises:
            ValueError: naming the file and what is wrong with it.
        """
        try:
            document = json.loads(file.read_text())
            conditions = document.pop(MEASURED_WITH, None)
            measured_with = None if conditions is None else _conditions(conditions)
            known: list[dict[str, Any]] = [
                {key: math.nan if value is None else value for key, value in entry.items()}
                for entry in document.pop('points')
            ]
            points = tuple(OperatingPoint(**entry) for entry in known)
            profile = Profile(**(document | {'app': app, 'points': points}))
            return cls(profile, measured_with)
        except OSError as error:
            raise ValueError(f'profile {file} cannot be read: {error.strerror}') from error
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f'profile {file} is damaged: {error!r}') from error


def _conditions(document: Mapping[str, Any]) -> Conditions:
    return Conditions(**(dict(document) | {'host': Host(**document['host'])}))


def _all_texts(values: Mapping[str, Any]) -> bool:
    return all(isinstance(each, str) and each for each in values.values())
