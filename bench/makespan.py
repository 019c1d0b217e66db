"""How near the ready queue comes to the lower bound: max(critical path, work / jobs), on synthetic graphs.

``python bench/makespan.py [SEED...]``: for each graph, the time measured, the bound, and the ratio (aim: at most 1.10).
Units sleep instead of compiling, so that the queue is measured and not the machine.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Mapping, Sequence

from wheelyard.build.queue import run_graph

SHAPES = ("wide", "deep", "mixed", "one long")
JOBS = (2, 4, 8)


def graph(shape: str, generator: random.Random) -> tuple[dict[int, float], dict[int, Sequence[int]]]:
    """Return seconds and requirements of about a hundred units."""
    count = 100
    seconds = {number: generator.lognormvariate(-3.0, 0.8) for number in range(count)}
    most = {"wide": 1, "deep": 3, "mixed": 2, "one long": 1}[shape]
    reach = {"wide": count, "deep": 6, "mixed": 30, "one long": count}[shape]
    requires: dict[int, Sequence[int]] = {}
    for number in seconds:
        earlier = range(max(0, number - reach), number)
        requires[number] = generator.sample(earlier, k=min(len(earlier), generator.randint(0, most)))
    if shape == "one long":
        seconds[count - 1] = 1.4
        requires[count - 1] = []
    return seconds, requires


def bound(seconds: Mapping[int, float], requires: Mapping[int, Sequence[int]], jobs: int) -> float:
    """Return the seconds that no schedule can beat."""
    paths: dict[int, float] = {}
    for number in seconds:
        paths[number] = seconds[number] + max((paths[each] for each in requires[number]), default=0.0)
    return max(max(paths.values()), sum(seconds.values()) / jobs)


def main() -> int:
    """Measure and print; 1 if a graph missed the aim."""
    worst = 0.0
    print(f"{'graph':<10} {'seed':>4} {'jobs':>4} {'bound s':>8} {'took s':>8} {'ratio':>6}")
    for seed in [int(text) for text in sys.argv[1:]] or [1]:
        for shape in SHAPES:
            seconds, requires = graph(shape, random.Random(f"{shape} {seed}"))
            for jobs in JOBS:
                least = bound(seconds, requires, jobs)
                started = time.monotonic()
                run_graph(seconds, requires, lambda _, unit: time.sleep(unit), jobs=jobs, durations=seconds)
                took = time.monotonic() - started
                worst = max(worst, took / least)
                print(f"{shape:<10} {seed:>4} {jobs:>4} {least:>8.3f} {took:>8.3f} {took / least:>6.3f}")
    print(f"worst: {worst:.3f} times the bound")
    return int(worst > 1.10)


if __name__ == "__main__":
    sys.exit(main())
