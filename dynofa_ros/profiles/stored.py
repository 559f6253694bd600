# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A profile on disk: the operating points, and the conditions they were measured in.

A latency is valid for one machine and one version of an engine, an accuracy for the weights that it
was measured with. The file states these, so that a reader can check whether it applies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic import AfterValidator, BeforeValidator, Field, Strict, TypeAdapter, create_model

from dynofa_ros.atomic_file import atomic_write, json_text
from dynofa_ros.config_file import ConfigError, Count, Section, Text, checked, load_file
from dynofa_ros.engine import Engine, Network
from dynofa_ros.platform.host import Host
from dynofa_ros.runtime import OperatingPoint, Profile

MEASURED_WITH = 'measured_with'


def _iso_date(value: str) -> str:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ConfigError(field='', value=value, expected='ISO 8601') from None
    return value


@checked(ConfigError.of)
class Conditions:
    """Machine, engines and sub-networks of a measurement."""

    host: Host
    engines: Annotated[Mapping[str, Text], Field(min_length=1)]
    """Version of each engine, by its name."""
    subnets: Annotated[Mapping[str, Text], Field(min_length=1)]
    """Digest of weights and config of each sub-network, by its name: ``Network.key``."""
    date: Annotated[Text, AfterValidator(_iso_date)]
    """Time of the measurement, ISO 8601."""

    @classmethod
    def here(
        cls, networks: Sequence[Network], engines: Iterable[Engine], *, now: datetime
    ) -> Conditions:
        """Return the conditions of a measurement of these sub-networks on this machine.

        Raises:
            ValueError: without a network or an engine.
        """
        return cls(
            host=Host.here(),
            engines={each.name: each.version for each in engines},
            subnets={each.kept.subnet_id: each.key for each in networks},
            date=now.isoformat(timespec='seconds'),
        )


@checked(ConfigError.of)
class StoredProfile:
    """A profile and its measurement conditions; None where the file does not state them."""

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
                    raise ConfigError(
                        field=f'operating point {point.subnet_id!r}: {field}',
                        value=value,
                        expected=', '.join(known),
                    )

    def mismatch(
        self, networks: Sequence[Network], engine: Engine, *, host: Host | None = None
    ) -> str:
        """Return why the profile does not apply; an empty text if it does.

        ``networks`` are the sub-networks to run, all of which must be in the profile; ``host`` is
        the machine that runs them, by default this one.
        """
        known, here = self.measured_with, host or Host.here()
        if known is None:
            return 'it does not state its measurement conditions'
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
        """Return the points of these sub-networks with one engine, up to `most_threads`.

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
        """Write it as JSON, atomically; NaN becomes null.

        Raises:
            ValueError: naming the file that cannot be written.
        """
        measured = replace(self.profile, cascades=(), corrections={}, unlike=frozenset())
        document: dict[str, Any] = asdict(measured)
        del document['corrections'], document['unlike']  # learned: profiles/corrections.py
        del document['cascades']  # of the model
        if self.measured_with is not None:
            document = {MEASURED_WITH: asdict(self.measured_with)} | document
        with atomic_write(file, what='profile') as partial:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json_text(document), encoding='utf-8')

    @classmethod
    def load(cls, file: Path, app: str) -> StoredProfile:
        """Read a profile for an application.

        Raises:
            ValueError: naming the file and what is wrong with it.
        """
        return load_file(file, _FILE, language='JSON').stored(app)


_TYPES: dict[type, Any] = {
    str: Annotated[str, Strict()],
    int: Count,
    float: Annotated[
        float, Strict(), BeforeValidator(lambda value: math.nan if value is None else value)
    ],
}
_HINTS = get_type_hints(OperatingPoint)
_FIELDS: dict[str, Any] = {
    each.name: (_TYPES[_HINTS[each.name]], ... if each.default is MISSING else each.default)
    for each in fields(OperatingPoint)
}
# OperatingPoint itself is a plain dataclass: the runtime does without pydantic.
_Point: Any = create_model('OperatingPoint', __base__=Section, **_FIELDS)


class _File(Section):
    measured_with: Conditions | None = None
    app: str = ''
    supernet: str
    platform: str
    latency_source: str
    energy_source: str
    points: tuple[
        Annotated[_Point, AfterValidator(lambda point: OperatingPoint(**dict(point)))], ...
    ]

    def stored(self, app: str) -> StoredProfile:
        keys = self.model_fields_set - {MEASURED_WITH, 'app'}
        profile = Profile(app=app, **{key: getattr(self, key) for key in keys})
        return StoredProfile(profile, self.measured_with)


_FILE = TypeAdapter(_File)
