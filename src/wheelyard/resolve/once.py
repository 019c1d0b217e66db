"""Make a value once per key, however many threads ask for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Once(Generic[K, V]):
    """A cache whose values are each made by the first thread that asks; the others wait. Errors are kept too."""

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make
        self._futures: dict[K, Future[V]] = {}
        self._guard = threading.Lock()

    def __call__(self, key: K) -> V:
        """Return the value, or raise what making it raised."""
        with self._guard:
            future = self._futures.get(key)
            if mine := future is None:
                future = self._futures[key] = Future()
        assert future is not None  # noqa: S101  (for the type checker)
        if mine:
            try:
                future.set_result(self._make(key))
            except BaseException as error:
                future.set_exception(error)
        return future.result()

    def known(self) -> dict[K, V]:
        """Return the values that were made so far, without those that failed."""
        with self._guard:
            futures = dict(self._futures)
        return {key: each.result() for key, each in futures.items() if each.done() and each.exception() is None}
