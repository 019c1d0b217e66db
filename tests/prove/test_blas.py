"""What is found of what a process says of its BLAS, and when nothing may be run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.support.variant_tables import variant as of
from wheelyard.domain.folder import FilledFolder
from wheelyard.domain.lock import Lock
from wheelyard.domain.variant import Variant
from wheelyard.prove.stage import Question, _Stage
from wheelyard.stages.variants import not_run_here
from wheelyard.store.blobs import Store
from wheelyard.targets.here import this_machine
from wheelyard.variants.axes.blas import proof as blas
from wheelyard.variants.axes.simd import levels

V3 = of(name="v3", blas="openblas", simd="x86-64-v3")


def judged(folder: Path, variant: Variant, **changes: Any) -> blas.BlasProof:
    """Return what is found in made-up answers for one thread and for two."""
    library = folder / "libblas-1.so"
    library.write_bytes(changes.pop("library", b"\x7fELF OPENBLAS_NUM_THREADS"))
    answers = {
        value: {
            "answers": {"numpy": {"says": "openblas", "dgemm": 0.0, "eigh": 1e-14}},
            "cpus": 2,
            "loaded": {"/lib/libblas-1.so": str(library), "/gone.so": str(folder / "gone"), "/x.so": str(folder)},
            "pools": [{"user_api": "blas", "num_threads": int(value), "filepath": str(library)}],
            "threads": int(value),
            **changes,
        }
        for value in ("1", "2")
    }
    return blas.judged(variant.choice, answers, folder)


def test_all_is_well(tmp_path: Path) -> None:
    found = judged(tmp_path, V3)
    assert found.faults == ()
    right = "dgemm and eigh are right in numpy; threads: 1 with 1, 2 with 2"
    assert found.words == f"loaded: openblas in libblas-1.so; {right}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"library": b"\x7fELF BLIS_ARCH_TYPE"}, "blis is loaded"),
        ({"library": b"\x7fELF"}, "no BLAS is loaded, openblas should be"),
        ({"answers": {"numpy": {"says": "", "dgemm": 0.5, "eigh": 0.0}}}, "dgemm is off by 0.5"),
        ({"answers": {"numpy": {"says": "", "dgemm": 0.0, "eigh": float("nan")}}}, "eigenvalues are off"),
        ({"pools": [{"user_api": "blas", "num_threads": 8, "filepath": "libx.so"}]}, "has 8 threads where 1"),
    ],
    ids=["another BLAS", "none", "wrong product", "wrong eigenvalues", "threads"],
)
def test_what_is_not_as_asked_for(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    assert words in "; ".join(judged(tmp_path, V3, **changes).faults)


def test_one_that_loads_another_is_itself_there(tmp_path: Path) -> None:
    host = of(name="host", blas="flexiblas")
    assert judged(tmp_path, host, library=b"\x7fELF flexiblas_ OPENBLAS_NUM_THREADS").faults == ()
    assert "flexiblas should be" in judged(tmp_path, host, library=b"\x7fELF OPENBLAS_NUM_THREADS").faults[0]


def test_threads_that_do_not_obey(tmp_path: Path) -> None:
    assert "had 4 and 4" in "; ".join(judged(tmp_path, V3, threads=4, pools=[]).faults)


def test_a_library_without_threads_has_one_whatever_is_asked_for(tmp_path: Path) -> None:
    serial = of(name="serial", blas="openblas", threads="sequential")
    one = [{"user_api": "blas", "num_threads": 1, "filepath": "libblas-1.so"}]
    assert judged(tmp_path, serial, threads=1, pools=one).faults == ()
    assert "had 2" in "; ".join(judged(tmp_path, serial, pools=one).faults)


def test_what_was_not_compared_is_not_claimed(tmp_path: Path) -> None:
    alone = judged(tmp_path, V3, threads=1, cpus=1)
    assert (alone.faults, alone.words.rpartition("; ")[2]) == ((), "threads: not compared, there is one CPU")
    mute = judged(tmp_path, V3, answers={})
    assert (mute.faults, "right" in mute.words, "threads" in mute.words) == ((), False, False)


def test_nothing_is_read_outside_of_the_place(tmp_path: Path) -> None:
    inner = tmp_path / "home"
    inner.mkdir()
    (tmp_path / "secret.so").write_bytes(b"\x7fELF OPENBLAS_NUM_THREADS")
    (inner / "link.so").symlink_to(tmp_path / "secret.so")
    os.mkfifo(inner / "pipe.so")
    said = [str(inner / "link.so"), str(inner / "pipe.so"), str(inner / "../secret.so"), "/dev/zero"]
    assert blas.identified({each: each for each in said}, inner) == {}


def test_nothing_of_another_cpu_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(levels, "host_flags", lambda: frozenset({"sse2"}))

    def nothing(*_: object) -> NoReturn:
        raise AssertionError("there is nothing to ask for")

    nobody = _Stage(store=Store(tmp_path), sandbox=nothing, hosts=nothing, host_pip=nothing)
    lock = Lock(target="el9", requires_python="", environment="", requirements_sha256="", packages=())
    folder = FilledFolder(name="el9.v3", target=this_machine(), lock=lock, entries=(), facts={})
    question = Question(
        folder=folder,
        imports={},
        not_run=not_run_here(V3),
    )
    proof, _ = nobody.prove(question)
    assert proof.outcome == "not run"
    assert proof.reason.startswith("not run here: this CPU lacks")
