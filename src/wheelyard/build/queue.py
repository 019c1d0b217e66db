"""A ready queue: work on a graph in the order of its needs, critical path first, driven by what ends."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from wheelyard.domain.errors import WheelyardError
from wheelyard.io import process as door

K = TypeVar("K", bound=Hashable)
U = TypeVar("U")
R = TypeVar("R")


@dataclass(slots=True)
class GraphOutcome(Generic[K, R]):
    """What became of each unit; every unit is in exactly one of the three."""

    done: dict[K, R] = field(default_factory=dict)
    failed: dict[K, WheelyardError] = field(default_factory=dict)
    skipped: dict[K, K | None] = field(default_factory=dict)
    """Units that were not tried, with the one whose failure they were waiting for (None: the run was ended)."""


def run_graph(
    units: Mapping[K, U],
    requires: Mapping[K, Iterable[K]],
    work: Callable[[K, U], R],
    *,
    jobs: int,
    fail_fast: bool = False,
    durations: Mapping[K, float] | None = None,
    skipped: Callable[[K, K | None], None] | None = None,
    executor: Executor | None = None,
) -> GraphOutcome[K, R]:
    """Do ``work`` on every unit after those that it requires, ``jobs`` at a time.

    A unit starts as soon as it is ready and a job is free; of several, the one with the longest way to the end of the
    graph goes first. A :class:`WheelyardError` fails its unit and skips only what needs it; with ``fail_fast`` nothing
    new is started after the first. Any other exception, and Ctrl-C, ends the programs that run and is raised.

    :param requires: keys that are not among ``units`` are taken as done.
    :param durations: seconds that units are expected to take; 1 where not known.
    :param executor: runs ``work``; shut down at the end. None: threads of this process. It is given ``work``, a key and
        its unit, never more than ``jobs`` at once, and only what is ready.
    :param skipped: called for each unit that is skipped, with the reason.
    :raises ValueError: if units require one another in a circle.
    """
    queue: _Queue[K, U, R] = _Queue(units, requires, durations or {}, skipped or _unheard)
    running: dict[Future[R], K] = {}
    outcome = queue.outcome
    with executor or ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        try:
            while True:
                while len(running) < max(1, jobs) and not (fail_fast and outcome.failed) and queue.ready:
                    key = queue.take()
                    running[pool.submit(work, key, units[key])] = key
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    key = running.pop(future)
                    try:
                        queue.done(key, future.result())
                    except WheelyardError as error:
                        queue.fail(key, error)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while wait(running, timeout=0.1).not_done:
                door.end_all()
            raise
    queue.skip_rest()
    return outcome


def _unheard(key: Hashable, reason: Hashable) -> None:
    """Tell nobody."""


class _Queue(Generic[K, U, R]):
    """Which units wait, which are ready (a heap, longest way to the end first), and what became of the others."""

    def __init__(
        self,
        units: Mapping[K, U],
        requires: Mapping[K, Iterable[K]],
        durations: Mapping[K, float],
        skipped: Callable[[K, K | None], None],
    ) -> None:
        self._units = units
        self._skipped = skipped
        self._waiting = {key: {required for required in requires.get(key, ()) if required in units} for key in units}
        self._needed_by: dict[K, list[K]] = {key: [] for key in units}
        for key, wanted in self._waiting.items():
            for each in wanted:
                self._needed_by[each].append(key)
        ranks = _critical_paths(self._waiting, self._needed_by, durations)
        # Equal ranks keep the order they were given in; keys themselves need not be comparable.
        self._place = {key: (-ranks[key], number) for number, key in enumerate(units)}
        self.ready = [(*self._place[key], key) for key, wanted in self._waiting.items() if not wanted]
        heapq.heapify(self.ready)
        self.outcome: GraphOutcome[K, R] = GraphOutcome()

    def take(self) -> K:
        """Return the most urgent unit that is ready."""
        return heapq.heappop(self.ready)[2]

    def done(self, key: K, result: R) -> None:
        """Note a result; what waited for this last becomes ready."""
        self.outcome.done[key] = result
        for dependent in self._needed_by[key]:
            self._waiting[dependent].discard(key)
            if not self._waiting[dependent] and dependent not in self.outcome.skipped:
                heapq.heappush(self.ready, (*self._place[dependent], dependent))

    def fail(self, key: K, error: WheelyardError) -> None:
        """Note a failure; everything that needs the unit, near or far, is skipped."""
        self.outcome.failed[key] = error
        stack = list(self._needed_by[key])
        while stack:
            each = stack.pop()
            if each not in self.outcome.skipped:
                self.outcome.skipped[each] = key
                self._skipped(each, key)
                stack += self._needed_by[each]

    def skip_rest(self) -> None:
        """Note what was never started."""
        outcome = self.outcome
        for key in self._units:
            if key not in outcome.done and key not in outcome.failed and key not in outcome.skipped:
                outcome.skipped[key] = None
                self._skipped(key, None)


def _critical_paths(
    needs: Mapping[K, set[K]], needed_by: Mapping[K, list[K]], durations: Mapping[K, float]
) -> dict[K, float]:
    """Return for each unit the time from its start to the end of everything that waits for it."""
    left = {key: len(wanted) for key, wanted in needs.items()}
    order = [key for key, count in left.items() if count == 0]
    for key in order:  # grows while it is walked: Kahn's algorithm
        for each in needed_by[key]:
            left[each] -= 1
            if left[each] == 0:
                order.append(each)
    if len(order) != len(needs):
        circle = ", ".join(sorted(str(key) for key, count in left.items() if count > 0))
        raise ValueError(f"these need one another: {circle}")
    paths: dict[K, float] = {}
    for key in reversed(order):
        paths[key] = durations.get(key, 1.0) + max((paths[dependent] for dependent in needed_by[key]), default=0.0)
    return paths
