# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Keep compiled sub-networks in memory, so that a switch is a lookup between two frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from dynofa_ros.engine.engine import Engine, EngineError, Place, Runner
from dynofa_ros.engine.memory import allocated_bytes
from dynofa_ros.engine.network import Network
from dynofa_ros.engine.preprocess import Preprocessor
from dynofa_ros.supernet.model import SubnetRecord


@dataclass(frozen=True, eq=False)
class ResidentSubnet:
    """A compiled sub-network and its preprocessing."""

    kept: SubnetRecord
    place: Place
    preprocess: Preprocessor
    run: Runner
    precision: str
    """Precision of the computation: float32, float16 or int8."""
    memory_bytes: int
    """Memory allocated by compilation and one run."""

    @property
    def key(self) -> tuple[str, Place]:
        """Sub-network and place."""
        return (self.kept.subnet_id, self.place)


class ResidentSet:
    """The compiled sub-networks of one model on one engine, within a memory budget.

    Above the budget, the least recently used sub-networks are evicted, except those in use and
    those just requested. The set is thread-safe; compilation blocks only other compilations.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        engine: Engine,
        *,
        budget_bytes: int = 0,
    ) -> None:
        """Create an empty set; with ``budget_bytes`` 0 there is no limit.

        Raises:
            ValueError: for a budget below 0.
        """
        if budget_bytes < 0:
            raise ValueError(f'budget_bytes is {budget_bytes}; expected 0 (no limit) or above')
        self.engine = engine
        self.networks = {each.kept.subnet_id: each for each in networks}
        self._budget_bytes = budget_bytes
        # Least recently used first.
        self._residents: dict[tuple[str, Place], ResidentSubnet] = {}
        self._preprocessors: dict[int, Preprocessor] = {}
        self._in_use: tuple[ResidentSubnet, ...] = ()
        self._lock = threading.Lock()  # of the attributes above; held only for lookups
        self._compiling = threading.Lock()

    def __len__(self) -> int:
        return len(self._residents)

    @property
    def memory_bytes(self) -> int:
        """Memory of all resident sub-networks."""
        with self._lock:
            return sum(each.memory_bytes for each in self._residents.values())

    def residents(self) -> tuple[ResidentSubnet, ...]:
        """Return the resident sub-networks, cheapest first."""
        with self._lock:
            residents = tuple(self._residents.values())
        return tuple(sorted(residents, key=lambda each: (each.kept.flops, each.key)))

    @property
    def cheapest(self) -> str:
        """Name of the sub-network with the fewest operations, resident or not."""
        return min(self.networks.values(), key=lambda each: each.kept.flops).kept.subnet_id

    def network(self, subnet_id: str) -> Network:
        """Return a sub-network by name, resident or not.

        Raises:
            ValueError: for an unknown name, listing the known ones.
        """
        try:
            return self.networks[subnet_id]
        except KeyError:
            known = ', '.join(self.networks)
            raise ValueError(f'sub-network is {subnet_id!r}; expected {known}') from None

    def find(self, subnet_id: str, place: Place) -> ResidentSubnet | None:
        """Return a resident sub-network and mark it as used; None if it is not resident.

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
        """Return a sub-network; compile it and run it once if it is not resident.

        Raises:
            ValueError: for an unknown sub-network.
            EngineError: if the engine cannot run it there, or it gives NaN.
        """
        return self.load_together([subnet_id], place)[0]

    def load_together(self, subnet_ids: Sequence[str], place: Place) -> tuple[ResidentSubnet, ...]:
        """Return several sub-networks as `load` does; none of them is evicted for another one."""
        requested: dict[str, ResidentSubnet] = {}
        with self._compiling:  # only a compilation evicts
            for subnet_id in subnet_ids:
                if (resident := self.find(subnet_id, place)) is not None:
                    requested[subnet_id] = resident
            for subnet_id in subnet_ids:
                if subnet_id not in requested:
                    resident = self._compile(self.network(subnet_id), place)
                    requested[subnet_id] = resident
                    with self._lock:
                        self._residents[resident.key] = resident
                        self._evict(tuple(requested.values()))
        return tuple(requested[each] for each in subnet_ids)

    def load_all(self, wanted: Iterable[tuple[str, Place]]) -> None:
        """Load sub-networks in the given order until the budget is used; at least one."""
        loaded_bytes = 0
        for count, (subnet_id, place) in enumerate(wanted):
            mean_bytes = loaded_bytes / count if count else 0.0
            if self._budget_bytes and loaded_bytes + mean_bytes > self._budget_bytes:
                return
            loaded_bytes += self.load(subnet_id, place).memory_bytes

    def use(self, *residents: ResidentSubnet) -> None:
        """Mark residents as in use, which prevents their eviction until others are in use."""
        with self._lock:
            self._in_use = residents

    def _compile(self, network: Network, place: Place) -> ResidentSubnet:
        precision = self.engine.precision(network, place.processor)
        before = allocated_bytes()
        run = self.engine.compile(network, place)
        if not np.isfinite(run(np.zeros(network.shape, np.float32))).all():
            raise EngineError(
                f'{self.engine.name}: {network.kept.subnet_id} gives NaN or infinity for a blank '
                'image; expected finite logits'
            )
        memory_bytes = max(allocated_bytes() - before, 0)
        resolution, spec = network.kept.config.r, network.net.spec
        if resolution not in self._preprocessors:
            self._preprocessors[resolution] = Preprocessor(resolution, spec.mean, spec.std)
        return ResidentSubnet(
            network.kept, place, self._preprocessors[resolution], run, precision, memory_bytes
        )

    def _evict(self, requested: tuple[ResidentSubnet, ...]) -> None:
        """Evict the least recently used residents until the rest fits."""
        used = sum(each.memory_bytes for each in self._residents.values())
        for resident in tuple(self._residents.values()):
            if not self._budget_bytes or used <= self._budget_bytes:
                return
            if resident not in requested and resident not in self._in_use:
                del self._residents[resident.key]
                used -= resident.memory_bytes


class Loader:
    """Loads sub-networks into a set in a background thread, one after another.

    Compiling takes seconds, so a request replaces the one that waits: only the newest counts.
    """

    def __init__(self, residents: ResidentSet) -> None:
        self._residents = residents
        self._thread = ThreadPoolExecutor(1, 'sub-network loader')
        self._lock = threading.Lock()
        self._next: tuple[Sequence[str], Place, Callable[[str], object]] | None = None

    def load(self, subnet_ids: Sequence[str], place: Place, done: Callable[[str], object]) -> None:
        """Load sub-networks together, then call ``done`` with the error, empty if there is none.

        ``done`` is called in the background thread; never, if a newer request comes before this one
        is begun.
        """
        with self._lock:
            begin = self._next is None
            self._next = subnet_ids, place, done
            if begin:
                self._thread.submit(self._load_next)

    def _load_next(self) -> None:
        with self._lock:
            assert self._next is not None  # one submitted call for each time it is set
            (subnet_ids, place, done), self._next = self._next, None
        try:
            self._residents.load_together(subnet_ids, place)
        except Exception as error:  # libraries raise arbitrary errors; the node continues
            done(str(error) or repr(error))
        else:
            done('')

    def stop(self) -> None:
        """Cancel the waiting request, and wait for the current one."""
        self._thread.shutdown(cancel_futures=True)
