# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read the sub-networks of an application: from a YAML file, or from the folder of a model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Annotated, Any

from pydantic import AfterValidator, InstanceOf, TypeAdapter, WithJsonSchema

from dynofa_ros.config_file import (
    MISSING,
    Count,
    Fault,
    Fraction,
    Positive,
    PositiveCount,
    Section,
    Text,
    checked,
    load_named,
)
from dynofa_ros.platform import PlatformError
from dynofa_ros.profiles.network import MeasuredLatency, SubnetCost, cascade_of
from dynofa_ros.profiles.score_table import SCORES, ScoreTable
from dynofa_ros.runtime import Cascade

MODEL = 'model:'
# No file states them, but pydantic looks at the schema of every value to report a fault.
_Scores = Annotated[InstanceOf[ScoreTable], WithJsonSchema({'type': 'object'})]


@checked(PlatformError.of)
class Networks:
    """The sub-networks that an application can choose from."""

    supernet: Text
    networks: tuple[SubnetCost, ...]
    cascades: tuple[InstanceOf[Cascade], ...] = ()
    # Of images, which cascades need: docs/simulation.md, "Easy and hard pictures".
    scores: _Scores | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Raise PlatformError for an empty list or a duplicate name."""
        names = [each.subnet_id for each in self.networks]
        names += [each.cascade_id for each in self.cascades]
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates or not self.networks:
            raise PlatformError(
                field='networks', value=duplicates, expected='at least one, and each name once'
            )

    def only(self, subnet_ids: tuple[str, ...]) -> Networks:
        """Return the sub-networks of these names; raises PlatformError for an unknown one."""
        known = {each.subnet_id: each for each in self.networks}
        for subnet_id in subnet_ids:
            if subnet_id not in known:
                raise PlatformError(
                    field='subnets', value=subnet_id, expected=f'some of {", ".join(known)}'
                )
        cascades = tuple(each for each in self.cascades if set(each.stages) <= set(subnet_ids))
        return replace(self, networks=tuple(known[each] for each in subnet_ids), cascades=cascades)


class _Network(Section):
    accuracy: Fraction
    flops: Count
    layers: PositiveCount
    parameters: Count
    latency_s: Positive = math.nan


class _Place(Section):
    platform: Text
    processor: Text
    frequency_hz: Positive
    threads: PositiveCount


class _Set(Section):
    """Sub-networks of one source, all of them measured in one place, or none."""

    source: Text
    processors: tuple[Text, ...] = ()
    measured_on: _Place | None = None
    networks: Mapping[str, _Network]

    def model_post_init(self, _: object) -> None:
        """Raise PlatformError for a latency without a place, or a place without latencies."""
        if faults := list(self._faults()):
            raise PlatformError.of(faults)

    def _faults(self) -> Iterator[Fault]:
        for name, each in self.networks.items():
            if math.isnan(each.latency_s) == (self.measured_on is not None):
                value = MISSING if self.measured_on else each.latency_s
                expected = 'a latency in every network of a set with measured_on, and in no other'
                yield Fault(f'networks.{name}.latency_s', value, expected)

    def costs(self) -> Iterator[SubnetCost]:
        """Yield the sub-networks."""
        for name, each in self.networks.items():
            measured = None
            if self.measured_on:
                measured = MeasuredLatency(**dict(self.measured_on), latency_s=each.latency_s)
            yield SubnetCost(
                subnet_id=name,
                **each.model_dump(exclude={'latency_s'}),
                processors=self.processors,
                measured=measured,
            )


class _File(Section):
    supernet: Text
    sets: Mapping[str, _Set]

    def networks(self) -> Networks:
        """Return the sub-networks of all sets."""
        costs = tuple(each for one in self.sets.values() for each in one.costs())
        return Networks(self.supernet, costs)


FILE: TypeAdapter[Any] = TypeAdapter(Annotated[_File, AfterValidator(_File.networks)])


def load_networks(source: str) -> Networks:
    """Return the sub-networks of a file: by name (of ``config/networks``), or by its path.

    A model is written ``model:NAME`` or ``model:FOLDER``: its kept sub-networks.

    Raises PlatformError, which lists for every fault the file, the field, its value and the allowed
    values, and ModelError for a model that cannot be loaded.
    """
    if source.startswith(MODEL):
        return _of_model(source.removeprefix(MODEL))
    return load_named(
        source, FILE, folder='config/networks', what='networks', error=PlatformError.of
    )


def _of_model(name_or_path: str) -> Networks:
    # torch takes seconds to import, and only a model needs it.
    from dynofa_ros.supernet import load_model
    from dynofa_ros.supernet.model import model_folder

    model = load_model(name_or_path)
    file = model_folder(name_or_path) / SCORES  # that it belongs to the cascades was checked
    return Networks(
        model.net.spec.name,
        tuple(SubnetCost.of(kept) for kept in model.kept),
        tuple(cascade_of(each) for each in model.cascades),
        ScoreTable.load(file) if file.exists() else None,
    )
