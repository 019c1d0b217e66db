"""Runs inside a variant's environment: which libraries are loaded, whether they calculate right, with how many threads.

Standard library only, Python 3.6 and newer; imports nothing from the rest, as the target has nothing of the rest.

Usage: ``python inside_blas.py HOME MODULE…``; prints one JSON object. Modules are imported first; numpy is asked by its
own functions, and a module that has ``blas_config``, ``dgemm`` and ``dsyev`` by those. Of libraries from outside HOME,
which may be a container's, a copy is left in ``HOME/loaded``.
"""

import contextlib
import importlib
import json
import math
import os
import shutil
import sys
from typing import Any, Dict, List

ORDER = 64
LARGE = 400


def integers(order: int, seed: int) -> List[float]:
    """Return a matrix of small whole numbers, row by row: products of such are exact in any order of summing."""
    found = []
    for _ in range(order * order):
        seed = (seed * 1103515245 + 12345) % (1 << 31)
        found.append(float((seed >> 16) % 17 - 8))
    return found


def product(order: int, first: List[float], second: List[float]) -> List[float]:
    """Multiply two matrices the slow way."""
    columns = [second[column::order] for column in range(order)]
    rows = [first[row * order : (row + 1) * order] for row in range(order)]
    return [sum(a * b for a, b in zip(row, column)) for row in rows for column in columns]  # noqa: B905  (3.6)


def second_differences(order: int) -> List[float]:
    """Return the symmetric matrix with 2 on its diagonal and -1 beside it, whose eigenvalues are known."""
    return [float({0: 2, 1: -1}.get(abs(row - column), 0)) for row in range(order) for column in range(order)]


def eigenvalues(order: int) -> List[float]:
    """Return the eigenvalues of ``second_differences``."""
    return [2.0 - 2.0 * math.cos(k * math.pi / (order + 1)) for k in range(1, order + 1)]


def distance(found: Any, expected: List[float]) -> float:
    """Return the largest difference; infinite where the lengths differ or a number is none."""
    values = [float(each) for each in found]
    if len(values) != len(expected):
        return math.inf
    differences = [abs(a - b) for a, b in zip(values, expected)]  # noqa: B905  (3.6)
    return math.inf if any(math.isnan(difference) for difference in differences) else max(differences)


def ask_numpy(numpy: Any) -> Dict[str, Any]:
    """Let numpy multiply, find eigenvalues, and say what it was built with."""
    first, second = integers(ORDER, 1), integers(ORDER, 2)
    shape = (ORDER, ORDER)
    made = numpy.array(first).reshape(shape) @ numpy.array(second).reshape(shape)
    values = numpy.linalg.eigh(numpy.array(second_differences(ORDER)).reshape(shape))[0]
    large = numpy.ones((4 * LARGE, 4 * LARGE))
    large @ large
    said: Any = None
    with contextlib.suppress(TypeError, KeyError):  # older than 1.26
        said = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    return {
        "says": said,
        "dgemm": distance(made.ravel(), product(ORDER, first, second)),
        "eigh": distance(values, eigenvalues(ORDER)),
    }


def ask(module: Any) -> Dict[str, Any]:
    """Let a module with ``dgemm`` and ``dsyev`` do the same."""
    first, second = integers(ORDER, 1), integers(ORDER, 2)
    made = module.dgemm(ORDER, first, second)
    values = module.dsyev(ORDER, second_differences(ORDER))
    large = [1.0] * (LARGE * LARGE)
    module.dgemm(LARGE, large, large)
    return {
        "says": module.blas_config(),
        "dgemm": distance(made, product(ORDER, first, second)),
        "eigh": distance(values, eigenvalues(ORDER)),
    }


def loaded(home: str) -> Dict[str, str]:
    """Return the files that this process has mapped and may execute code of, and where each can be read later."""
    found = set()
    with open("/proc/self/maps") as stream:  # noqa: PTH123  (pathlib is not faster to start)
        for line in stream:
            parts = line.rstrip("\n").split(None, 5)
            if len(parts) == 6 and "x" in parts[1] and parts[5].startswith("/"):
                found.add(parts[5])
    return {path: kept(path, home) for path in sorted(found)}


def kept(path: str, home: str) -> str:
    """Return where an object can be read when this process, and all that it sees, is gone."""
    if os.path.realpath(path).startswith(os.path.realpath(home) + os.sep):
        return path
    place = os.path.join(home, "loaded", path.strip("/").replace("/", "-"))  # noqa: PTH118
    os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
    if os.path.isfile(path):  # noqa: PTH113  (it may have been removed since, or be a device)
        shutil.copyfile(path, place)
    return place


def pools() -> List[Dict[str, Any]]:
    """Return what threadpoolctl finds; nothing where this Python is too old for it."""
    try:
        from threadpoolctl import threadpool_info  # type: ignore[import-untyped]  # it carries no types
    except (ImportError, SyntaxError):
        return []
    return [
        {key: pool.get(key) for key in ("user_api", "internal_api", "filepath", "version", "num_threads")}
        for pool in threadpool_info()
    ]


def threads() -> int:
    """Return how many threads the kernel counts in this process."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


def main() -> None:
    """Ask every module and print the answers."""
    answers = {}
    before = threads()
    home = sys.argv[1]
    for name in sys.argv[2:]:
        module = importlib.import_module(name)
        if name == "numpy":
            answers[name] = ask_numpy(module)
        elif all(hasattr(module, function) for function in ("blas_config", "dgemm", "dsyev")):
            answers[name] = ask(module)
    found = {
        "answers": answers,
        "cpus": len(os.sched_getaffinity(0)),
        "loaded": loaded(home),
        "pools": pools(),
        # What BLAS starts, it starts at its first call at the latest; Python itself has one, and an emulator its own.
        "threads": threads() - before + 1,
    }
    print(json.dumps(found, sort_keys=True))


if __name__ == "__main__":
    main()
