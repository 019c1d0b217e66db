"""What is in a variant's wheel: BLAS by its marks, the record, licence texts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from wheelyard.domain.errors import VariantError, WheelError
from wheelyard.variants import finish
from wheelyard.variants.axes.blas import identity
from wheelyard.variants.axes.blas.check import check_binaries

ELF = b"\x7fELF"
MARKS = {
    "openblas": b"\0OPENBLAS_NUM_THREADS\0",
    "openblas64": b"\0OPENBLAS_NUM_THREADS\0scipy_cblas_dgemm64_\0",
    "mkl": b"\0mkl_serv_allocate\0",
    "blis": b"\0BLIS_ARCH_TYPE\0",
    "flexiblas": b"\0flexiblas_init\0",
}


@pytest.mark.parametrize("name", MARKS)
def test_a_library_is_known_by_its_marks(name: str) -> None:
    assert identity.identify(ELF + MARKS[name]) == {name}
    assert identity.identify(ELF + b"\0dgemm_\0") == frozenset(), "it only calls one"


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
def test_who_defines_dgemm_and_is_nobody_else_is_netlib(tmp_path: Path) -> None:
    (tmp_path / "blas.c").write_text("void dgemm_(void) {}\n")
    (tmp_path / "caller.c").write_text("void dgemm_(void); void go(void) { dgemm_(); }\n")
    for name in ("blas", "caller"):
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / f"{name}.so", tmp_path / f"{name}.c"], check=True)
    assert identity.identify((tmp_path / "blas.so").read_bytes()) == {"netlib"}
    assert identity.identify((tmp_path / "caller.so").read_bytes()) == frozenset()


def wheel(folder: Path, **objects: bytes) -> Path:
    files = {
        "demo/_core.so": ELF + objects.pop("core", b"\0dgemm_\0"),
        **{f"demo.libs/{name}.so": ELF + content for name, content in objects.items()},
    }
    return make_wheel(folder, "demo", "1.0", tag="cp312-cp312-linux_x86_64", files={**files, "demo/__init__.py": ""})


def test_one_grafted_library(tmp_path: Path) -> None:
    found = identity.binaries(wheel(tmp_path, libopenblas=MARKS["openblas"]))
    assert [(each.member, each.grafted, set(each.blas)) for each in found] == [
        ("demo/_core.so", False, set()),
        ("demo.libs/libopenblas.so", True, {"openblas"}),
    ]
    check_binaries(found, "openblas", "demo 1.0")


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ({}, "took no BLAS at all"),
        ({"libblis": MARKS["blis"]}, r"took blis \(in demo.libs/libblis.so\)$"),
        ({"libblis": MARKS["blis"], "core": MARKS["mkl"]}, "took blis .* as well"),
        ({"libopenblas": MARKS["openblas64"]}, "took openblas64"),
    ],
    ids=["none", "another", "two", "64-bit integers"],
)
def test_a_build_that_fell_back_is_refused(tmp_path: Path, objects: dict[str, bytes], words: str) -> None:
    with pytest.raises(VariantError) as caught:
        check_binaries(identity.binaries(wheel(tmp_path, **objects)), "mkl", "demo 1.0, mkl.v3")
    assert caught.match("the build was to take mkl")
    assert re.search(words, caught.value.message)
    assert caught.value.hint


def test_licence_texts_of_a_wheel(tmp_path: Path) -> None:
    info = "lib-1.0.dist-info"
    files = {"lib.py": "", f"{info}/licenses/LICENSE.txt": "mine", f"{info}/COPYING": "too", f"{info}/WHAT": "no"}
    path = make_wheel(tmp_path, "lib", "1.0", files=files)
    assert finish.wheel_licences(path, path.name) == {"LICENSE.txt": b"mine", "COPYING": b"too"}
    bare = make_wheel(tmp_path, "bare", "1.0")
    with pytest.raises(VariantError, match="no licence text"):
        finish.wheel_licences(bare, bare.name)


def test_the_record_of_a_wheel(tmp_path: Path) -> None:
    info = "demo-1.0+mkl.v3.dist-info"
    note = '{"variant": {"blas": "mkl"}}'
    path = make_wheel(tmp_path, "demo", "1.0+mkl.v3", files={"demo.py": "", f"{info}/{finish.NOTE}": note})
    assert finish.read_note(path) == {"variant": {"blas": "mkl"}}
    assert finish.read_note(make_wheel(tmp_path, "plain", "1.0")) is None
    for number, wrong in enumerate(("[]", "{")):
        name = f"wrong{number}"
        wrong_file = {f"{name}-1.dist-info/{finish.NOTE}": wrong, "a.py": ""}
        with pytest.raises(WheelError):
            finish.read_note(make_wheel(tmp_path, name, "1", files=wrong_file))
    (tmp_path / "no.whl").write_bytes(b"no zip")
    with pytest.raises(WheelError):
        finish.read_note(tmp_path / "no.whl")
