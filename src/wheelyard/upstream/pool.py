"""Doing the same thing to many items at once, in threads that never keep the program from ending."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def _error_of(action: Callable[[T], None], item: T) -> Exception | None:
    try:
        action(item)
    except Exception as error:
        return error
    return None


def each(
    items: Iterable[T], action: Callable[[T], None], *, jobs: int, name: str, stop: threading.Event | None = None
) -> Iterator[tuple[T, Exception | None]]:
    """Yield every item with the error that its action raised, if any, in the order in which they end.

    When the caller goes away (Ctrl-C), ``stop`` is set and the threads, which are daemons, are left to notice it: a
    read from a silent server must not hold up the end of the program.
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[T, Exception | None]] = queue.SimpleQueue()
    stop = stop or threading.Event()
    count = 0
    for item in items:
        waiting.put(item)
        count += 1

    def work() -> None:
        # Interrupted: by the door to programs, which passes the caller's Ctrl-C on.
        with contextlib.suppress(queue.Empty, KeyboardInterrupt):
            while not stop.is_set():
                item = waiting.get_nowait()
                ended.put((item, _error_of(action, item)))

    threads = [threading.Thread(target=work, name=f"{name}-{n}", daemon=True) for n in range(min(jobs, count))]
    for thread in threads:
        thread.start()
    try:
        for _ in range(count):
            yield ended.get()
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join(0.5)
        raise
    for thread in threads:
        thread.join()
