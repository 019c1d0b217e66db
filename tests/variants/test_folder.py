"""What is refused of a whole folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.packages import make_wheel
from tests.support.sdists import sdist
from tests.support.variant_tables import variant
from tests.support.yard import TARGET, Yard
from wheelyard.domain.errors import ConfigError, VariantError
from wheelyard.stages import variants
from wheelyard.store.blobs import Store
from wheelyard.variants.axes.blas import proof

MKL = variant(name="mkl", blas="mkl")
OPENBLAS = b"OPENBLAS_NUM_THREADS"
LONG = OPENBLAS + b"\0cblas_dgemm64_"


def wheel(store: Store, folder: Path, name: str, content: bytes) -> dict[str, str]:
    path = make_wheel(folder, name, "1.0", tag="cp312-cp312-linux_x86_64", files={f"{name}/x.so": b"\x7fELF" + content})
    return {path.name: store.add_file(path)}


def test_mixed_blas_in_one_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    numpy = wheel(store, tmp_path, "numpy", b"mkl_serv_allocate")
    scipy = wheel(store, tmp_path, "scipy", OPENBLAS)
    plain = wheel(store, tmp_path, "plain", b"nothing")
    variants.check_folder(MKL, "el9.mkl", numpy | plain, store)
    with pytest.raises(VariantError, match=r"mixed BLAS .* scipy-1\.0-.* brings openblas") as caught:
        variants.check_folder(MKL, "el9.mkl", numpy | plain | scipy, store)
    assert caught.value.where == "targets/el9.mkl"
    assert caught.value.hint == (
        'compile scipy for it too: packages = ["numpy", "scipy"], and with share-blas = true they have one copy '
        "between them"
    )
    level_only = variant(name="v3", simd="x86-64-v3")
    variants.check_folder(level_only, "el9.v3", numpy | scipy, store)


def test_copies_of_one_library_are_allowed_by_name(tmp_path: Path) -> None:
    """OpenBLAS with 64-bit integers has other names for everything: beside OpenBLAS it takes memory, and no calls."""
    store = Store(tmp_path / "store")
    numpy, scipy = wheel(store, tmp_path, "numpy", LONG), wheel(store, tmp_path, "scipy", OPENBLAS)
    asked: dict[str, Any] = {"name": "fast", "blas": "openblas", "packages": ["scipy"]}
    with pytest.raises(VariantError, match=r"numpy-1\.0-.* brings openblas64") as caught:
        variants.check_folder(variant(**asked), "el9.fast", numpy | scipy, store)
    assert "or blas-copies = true: each has an OpenBLAS of its own" in (caught.value.hint or "")
    copies = variant(**asked, **{"blas-copies": True})
    variants.check_folder(copies, "el9.fast", numpy | scipy, store)
    assert (copies.choice, copies.local_version) == (variant(**asked).choice, "openblas"), "it is the same wheel"
    with pytest.raises(VariantError, match=r"numpy-1\.0-.* brings mkl") as caught:
        variants.check_folder(copies, "el9.fast", wheel(store, tmp_path, "numpy", b"mkl_serv_allocate"), store)
    assert "blas-copies" not in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="there is no BLAS in it"):
        variant(simd="x86-64-v3", **{"blas-copies": True})


def test_each_copy_may_have_threads_of_its_own(tmp_path: Path) -> None:
    """Where copies are allowed, two libraries that heed one variable have a thread more each; else that is a fault."""
    (tmp_path / "a.so").write_bytes(b"\x7fELF" + OPENBLAS)
    (tmp_path / "b.so").write_bytes(b"\x7fELF" + LONG)
    loaded = {name: str(tmp_path / name) for name in ("a.so", "b.so")}
    right = {"dgemm": 0.0, "eigh": 0.0, "says": "x"}
    answers = {
        value: {"answers": {"scipy": right}, "cpus": 2, "loaded": loaded, "pools": [], "threads": threads}
        for value, threads in (("1", 1), ("2", 3))
    }
    allowed = {"blas": "openblas", "blas-copies": "yes"}
    assert not proof.judged(allowed, answers, tmp_path).faults
    assert proof.judged({"blas": "openblas"}, answers, tmp_path).faults == (
        "openblas64 is loaded (b.so)",
        "asked for 1 and 2 threads, the process had 1 and 3",
    )
    answers["2"]["threads"] = 4
    assert proof.judged(allowed, answers, tmp_path).faults == ("asked for 1 and 2 threads, the process had 1 and 4",)


def test_two_openmp_runtimes_in_one_process_are_named(tmp_path: Path) -> None:
    gomp, iomp = "libgomp-a34b3233.so.1.0.0", "libiomp5.so"
    for name in (gomp, iomp, "libgomposer.so"):
        (tmp_path / name).write_bytes(b"\x7fELF")
    (tmp_path / "a.so").write_bytes(b"\x7fELF" + OPENBLAS)

    def words(*names: str) -> str:
        loaded = {name: str(tmp_path / name) for name in ("a.so", *names)}
        answer = {"answers": {}, "cpus": 2, "loaded": loaded, "pools": [], "threads": 1}
        return proof.judged({"blas": "openblas"}, {"1": answer, "2": answer}, tmp_path).words

    assert words(gomp, iomp).endswith(
        f"; two OpenMP runtimes in one process: {gomp} and {iomp}, each with threads of its own"
    )
    assert "OpenMP" not in words(gomp, "libgomposer.so")


def test_what_is_fetched_is_judged_before_anything_is_compiled(yard: Yard) -> None:
    """Mixed with a wheel of the index: nothing of the variant is built; the baseline is."""
    sdist(yard.shop, "app", app__py="pass\n")
    make_wheel(yard.shop, "scipy-openblas32", "1.0")
    mkl = b"\x7fELFmkl_serv_allocate"
    make_wheel(yard.shop, "ready", "1.0", files={"ready/x.so": mkl, "ready/__init__.py": ""})
    yard.write("app\nready\n")
    recipe = '\n[[recipe]]\npackage = "app"\nsystem = "setuptools"\nblas.environment = { BLAS = "{blas}" }\n'
    table = '\n[[variant]]\nname = "fast"\nblas = "openblas"\npackages = ["app"]\n'
    place = yard.root / "wheelyard.toml"
    place.write_text(place.read_text() + recipe + table)
    done = yard.run("build", "--json", "--no-prove")
    assert done.code == 15, done.out + done.err
    (error,) = [event for event in done.events if event["event"] == "error"]
    assert error["message"] == "mixed BLAS in one folder: ready-1.0-py3-none-any.whl brings mkl"
    built = [event["job"] for event in done.events if event["event"] == "job-started" and event["stage"] == "build"]
    assert len(built) == 1, "the baseline's"
    assert [folder["name"] for folder in done.summary["targets"]] == [TARGET]
