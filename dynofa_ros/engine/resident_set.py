"""Sub-networks compiled and warm, so that a switch is a look-up between two frames."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dynofa_ros.engine.engine import Engine, Place, Runner
from dynofa_ros.engine.memory import allocated_bytes
from dynofa_ros.engine.network import Network
from dynofa_ros.engine.preprocess import Preprocessor
from dynofa_ros.supernet.model import SubnetRecord


@dataclass(frozen=True, eq=False)
class ResidentSubnet:
    """A compiled sub-network with what it takes to run it on a camera image."""

    kept: SubnetRecord
    place: Place
    preprocess: Preprocessor
    run: Runner
    precision: str
    """What it is computed in: float32, float16 or int8."""
    memory_bytes: int
    """Memory that compiling and one run took."""

    @property
    def key(self) -> tuple[str, Place]:
        """What runs where."""
        return (self.kept.subnet_id, self.place)


class ResidentSet:
    """The compiled sub-networks of one model on one engine, within a memory budget.

    Beyond the budget the one unused longest goes, but never the one that is asked for, nor the one
    in use. Threads may share a set; compiling waits only for other compiling.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        engine: Engine,
        *,
        budget_bytes: int = 0,
    ) -> None:
        """Start empty; ``budget_bytes`` 0 is no limit.

        Raises:
            ValueError: for a budget below 0.
        """
        if budget_bytes < 0:
            raise ValueError(f'budget_bytes is {budget_bytes}; it must be 0 (no limit) or above')
        self.engine = engine
        self.evictions = 0
        self.networks = {each.kept.subnet_id: each for each in networks}
        self._budget_bytes = budget_bytes
        self._residents: dict[
            tuple[str, Place], ResidentSubnet
        ] = {}  # the one unused longest first
        self._preprocessors: dict[int, Preprocessor] = {}
        self._in_use: ResidentSubnet | None = None
        self._lock = threading.Lock()  # of the above; held for look-ups only
        self._compiling = threading.Lock()

    def __len__(self) -> int:
        return len(self._residents)

    @property
    def memory_bytes(self) -> int:
        """Memory that all residents together take."""
        with self._lock:
            return sum(each.memory_bytes for each in self._residents.values())

    def residents(self) -> tuple[ResidentSubnet, ...]:
        """Return the residents, cheapest first."""
        with self._lock:
            everyone = tuple(self._residents.values())
        return tuple(sorted(everyone, key=lambda each: (each.kept.flops, each.key)))

    @property
    def cheapest(self) -> str:
        """Name of the sub-network with the fewest operations."""
        return min(self.networks.values(), key=lambda each: each.kept.flops).kept.subnet_id

    def network(self, subnet_id: str) -> Network:
        """Return a sub-network by name, resident or not.

        Raises:
            ValueError: if the model does not keep it, listing those it does.
        """
        try:
            return self.networks[subnet_id]
        except KeyError:
            known = ', '.join(self.networks)
            raise ValueError(f'sub-network is {subnet_id!r}; expected {known}') from None

    def find(self, subnet_id: str, place: Place) -> ResidentSubnet | None:
        """Return a resident and remember that it was wanted now; None if it is not resident.

        Raises:
            ValueError: for an unknown sub-network.
        """
        self.network(subnet_id)
        with self._lock:
            resident = self._residents.pop((subnet_id, place), None)
            if resident is not None:
                self._residents[resident.key] = resident
            return resident

    def load(self, subnet_id: str, place: Place) -> ResidentSubnet:
        """Return a resident; compile it and run it once if it is not there.

        Raises:
            ValueError: for an unknown sub-network.
            EngineError: if the engine cannot run it there, saying why.
        """
        with self._compiling:
            resident = self.find(subnet_id, place)
            if resident is None:
                resident = self._compile(self.network(subnet_id), place)
                with self._lock:
                    self._residents[resident.key] = resident
                    self._evict(resident)
        return resident

    def load_all(self, wanted: Iterable[tuple[str, Place]]) -> None:
        """Load what fits into the budget, the first wanted first; at least one."""
        loaded_bytes = 0
        for count, (subnet_id, place) in enumerate(wanted):
            one_more_bytes = loaded_bytes / count if count else 0.0
            if self._budget_bytes and loaded_bytes + one_more_bytes > self._budget_bytes:
                return
            loaded_bytes += self.load(subnet_id, place).memory_bytes

    def use(self, resident: ResidentSubnet) -> None:
        """Keep this one whatever happens, until another is used."""
        with self._lock:
            self._in_use = resident

    def _compile(self, network: Network, place: Place) -> ResidentSubnet:
        precision = self.engine.precision(network, place.processor)
        before = allocated_bytes()
        run = self.engine.compile(network, place)
        run(np.zeros(network.shape, np.float32))
        memory_bytes = max(allocated_bytes() - before, 0)
        resolution, spec = network.kept.config.r, network.net.spec
        if resolution not in self._preprocessors:
            self._preprocessors[resolution] = Preprocessor(resolution, spec.mean, spec.std)
        return ResidentSubnet(
            network.kept, place, self._preprocessors[resolution], run, precision, memory_bytes
        )

    def _evict(self, wanted: ResidentSubnet) -> None:
        """Let those unused longest go until the rest fits."""
        used = sum(each.memory_bytes for each in self._residents.values())
        for resident in tuple(self._residents.values()):
            if not self._budget_bytes or used <= self._budget_bytes:
                return
            if resident is not wanted and resident is not self._in_use:
                del self._residents[resident.key]
                self.evictions += 1
                used -= resident.memory_bytes
