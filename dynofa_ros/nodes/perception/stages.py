# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What the name of a command stands for: one sub-network, or the stages of a cascade."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dynofa_ros.engine import Place, ResidentSet
from dynofa_ros.engine.resident_set import ResidentSubnet
from dynofa_ros.runtime import Cascade


@dataclass(frozen=True)
class CalibratedCascade:
    """A cascade, and the temperatures that make the scores of its later stages probabilities."""

    cascade: Cascade
    temperatures: tuple[float, ...]
    """Of each stage after the first, for the images that reach it."""


@dataclass(frozen=True)
class Stages:
    """Compiled sub-networks, of which a frame runs the first, and later ones if it is unsure."""

    residents: tuple[ResidentSubnet, ...]
    calibrated: CalibratedCascade | None = None
    """None: one sub-network."""

    @property
    def first(self) -> ResidentSubnet:
        """The sub-network that every frame runs."""
        return self.residents[0]


class StageSet:
    """The sub-networks and cascades of a model by name, and which of them are compiled."""

    def __init__(
        self,
        residents: ResidentSet,
        cascades: Iterable[CalibratedCascade] = (),
        *,
        host_place: Place | None = None,
    ) -> None:
        """Look up at `host_place`, where the platform is simulated; None: where commanded."""
        self.residents = residents
        self._cascades = {each.cascade.cascade_id: each for each in cascades}
        self._host_place = host_place

    def place(self, processor: str, threads: int) -> Place:
        """Return the place on this machine that runs the frames of a processor."""
        return self._host_place or Place(processor, threads)

    def subnet_ids(self, name: str) -> tuple[str, ...]:
        """Return the sub-networks that a name stands for, in order.

        Raises:
            ValueError: for a name that is neither a sub-network nor a cascade, listing both, and
                for a cascade with a stage that the engine cannot run.
        """
        known = self._cascades.get(name)
        if known is None:
            try:
                self.residents.network(name)
            except ValueError as error:
                others = ''.join(f', {each}' for each in self._cascades)
                raise ValueError(f'{error}{others}') from None
            return (name,)
        for stage in known.cascade.stages:
            try:
                self.residents.network(stage)
            except ValueError as error:
                raise ValueError(f'cascade {name}: {error}') from None
        return known.cascade.stages

    def find(self, name: str, processor: str, threads: int) -> Stages | None:
        """Return the compiled stages of a name, marked as used; None unless all are resident.

        Raises ValueError as `subnet_ids` does.
        """
        place = self.place(processor, threads)
        known = self._cascades.get(name)
        if known is None:
            self.subnet_ids(name)
            resident = self.residents.find(name, place)
            return None if resident is None else Stages((resident,))
        found = tuple(self.residents.find(each, place) for each in self.subnet_ids(name))
        compiled = tuple(each for each in found if each is not None)
        return Stages(compiled, known) if len(compiled) == len(found) else None

    def load(self, name: str, place: Place) -> Stages:
        """Return the stages of a name; compile those that are not resident.

        Raises ValueError as `subnet_ids` does, and EngineError for one that does not compile.
        """
        subnet_ids = self.subnet_ids(name)
        return Stages(self.residents.load_together(subnet_ids, place), self._cascades.get(name))

    def resident_names(self) -> Iterator[tuple[str, Place]]:
        """Yield what is compiled, and where: sub-networks, cheapest first, then cascades."""
        compiled = [each.key for each in self.residents.residents()]
        yield from compiled
        places = dict.fromkeys(place for _, place in compiled)
        for name, known in self._cascades.items():
            for place in places:
                if all((stage, place) in compiled for stage in known.cascade.stages):
                    yield name, place
