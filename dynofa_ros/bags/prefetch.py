# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Read ahead in a thread, so that reading and decompression do not delay playback."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar('Item')


class Prefetch(Generic[Item]):
    """Iterator over `items` that a thread reads ahead, up to a total `size_of` of `max_size`.

    An exception from `items` is raised after the items before it. `close` ends the thread.
    """

    def __init__(
        self, items: Iterable[Item], *, size_of: Callable[[Item], int], max_size: int
    ) -> None:
        """Start reading; raise ValueError unless `max_size` is above 0."""
        if max_size < 1:
            raise ValueError(f'max_size is {max_size}; expected above 0')
        self._items = items
        self._size_of = size_of
        self._max_size = max_size
        self._ready: deque[Item] = deque()
        self._size = 0
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name='bag prefetch', daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended)
            if self._ready:
                item = self._ready.popleft()
                self._size -= self._size_of(item)
                self._changed.notify_all()
                return item
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        raise StopIteration

    def wait_filled(self, timeout_s: float) -> None:
        """Return when the buffer is full, all items are read, or the timeout has expired."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._full(), timeout_s)

    def close(self) -> None:
        """Stop reading and join the thread; may be called again."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _full(self) -> bool:
        return self._size >= self._max_size

    def _read(self) -> None:
        try:
            for item in self._items:
                with self._changed:
                    # An empty buffer accepts any item, even one larger than the whole buffer.
                    self._changed.wait_for(lambda: self._closed or not self._full())
                    if self._closed:
                        return
                    self._ready.append(item)
                    self._size += self._size_of(item)
                    self._changed.notify_all()
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
