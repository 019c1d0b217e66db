"""What is refused of a whole folder, and of what a process says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.simulators.packages import make_wheel
from wheelyard.build.sandbox import Bare
from wheelyard.errors import VariantError
from wheelyard.index.model import Entry, Wheel
from wheelyard.prove import blas
from wheelyard.store.model import Store
from wheelyard.targets.here import this_machine
from wheelyard.targets.interpreters import find
from wheelyard.variants import simd, stage
from wheelyard.variants.model import Variant

MKL = Variant(name="mkl", packages=("numpy",), blas="mkl")
V3 = Variant(name="v3", packages=("numpy",), blas="openblas", simd="x86-64-v3")


def entry(store: Store, folder: Path, name: str, content: bytes) -> Entry:
    path = make_wheel(folder, name, "1.0", tag="cp312-cp312-linux_x86_64", files={f"{name}/x.so": b"\x7fELF" + content})
    wheel = Wheel(filename=path.name, sha256=store.add_file(path), size=1, name=name, version="1.0")
    return Entry(wheel=wheel, origin="built", source="")


def test_mixed_blas_in_one_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    numpy = entry(store, tmp_path, "numpy", b"mkl_serv_allocate")
    scipy = entry(store, tmp_path, "scipy", b"OPENBLAS_NUM_THREADS")
    plain = entry(store, tmp_path, "plain", b"nothing")
    stage.check_folder(MKL, "el9.mkl", (numpy, plain), store)
    with pytest.raises(VariantError, match=r"mixed BLAS .* scipy-1\.0-.* brings openblas") as caught:
        stage.check_folder(MKL, "el9.mkl", (numpy, plain, scipy), store)
    assert caught.value.where == "targets/el9.mkl"
    level_only = Variant(name="v3", packages=("numpy",), simd="x86-64-v3")
    stage.check_folder(level_only, "el9.v3", (numpy, scipy), store)


def judged(folder: Path, variant: Variant, **changes: Any) -> tuple[str, ...]:
    """Return the faults that are found in made-up answers for one thread and for two."""
    library = folder / "libblas-1.so"
    library.write_bytes(changes.pop("library", b"\x7fELF OPENBLAS_NUM_THREADS"))
    answers = {
        value: {
            "answers": {"numpy": {"says": "openblas", "dgemm": 0.0, "eigh": 1e-14}},
            "loaded": [str(library), "/gone.so"],
            "pools": [{"user_api": "blas", "num_threads": int(value), "filepath": str(library)}],
            "threads": int(value),
            **changes,
        }
        for value in ("1", "2")
    }
    subject = blas.Subject(folder="el9.v3", variant=variant, wheels={}, modules=["numpy"])
    return blas._judged(subject, answers).faults


def test_all_is_well(tmp_path: Path) -> None:
    assert judged(tmp_path, V3) == ()


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
    assert words in "; ".join(judged(tmp_path, V3, **changes))


def test_threads_that_do_not_obey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})
    assert "had 4 and 4" in "; ".join(judged(tmp_path, V3, threads=4, pools=[]))


def test_nothing_of_another_cpu_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(simd, "host_flags", lambda: frozenset({"sse2"}))
    interpreter = find(this_machine())
    assert interpreter is not None
    wheel = {"broken.whl": tmp_path / "is not even there"}
    subject = blas.Subject(folder="el9.v3", variant=V3, wheels=wheel, modules=["numpy"])
    found = blas.prove(subject, interpreter, sandbox=Bare(), scratch=tmp_path, log=tmp_path / "log")
    assert "this CPU lacks" in found.not_run
    assert not list(tmp_path.iterdir())
