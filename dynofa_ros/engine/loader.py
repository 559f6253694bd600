"""Compile a sub-network beside the one that runs, so that no frame waits for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from dynofa_ros.engine.engine import Place
from dynofa_ros.engine.resident_set import ResidentSet


class Loader:
    """Loads residents in a thread of its own, one after another."""

    def __init__(self, residents: ResidentSet) -> None:
        self._residents = residents
        self._thread = ThreadPoolExecutor(1, 'sub-network loader')

    def load(self, subnet_id: str, place: Place, done: Callable[[str], object]) -> None:
        """Load a sub-network, then call ``done`` with the error in words, empty if there is none.

        ``done`` is called in the loader's thread.
        """
        self._thread.submit(self._load, subnet_id, place, done)

    def _load(self, subnet_id: str, place: Place, done: Callable[[str], object]) -> None:
        try:
            self._residents.load(subnet_id, place)
        except Exception as error:  # whatever a library raises, the node goes on without
            done(str(error) or repr(error))
        else:
            done('')

    def stop(self) -> None:
        """Start nothing more, and wait for what is being loaded."""
        self._thread.shutdown(cancel_futures=True)
