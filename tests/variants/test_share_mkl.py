"""oneMKL out of its own wheel: a gigabyte on disk, so only where it is asked for (``WHEELYARD_LARGE_TESTS=1``)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.variant_twins import twin
from tests.support.variant_yard import HERE, Done, Yard, needs_compiler
from wheelyard.wheels.read import read

TABLES = "".join(
    f"""
[[variant]]
name = "{threads}"
blas = "mkl"
threads = "{threads}"
packages = ["blasdemo", "blastwin"]
share-blas = true
"""
    for threads in ("openmp", "sequential")
) + "".join(
    f'\n[[recipe]]\npackage = "{name}"\nblas.environment = {{ BLASDEMO_BLAS = "{{blas}}" }}\n'
    for name in ("blasdemo", "blastwin")
)
LAYER = {"openmp": "libmkl_intel_thread", "sequential": "libmkl_sequential"}

BOTH = """
import blasdemo, blastwin
ones = [1.0] * 250000
assert blasdemo.dgemm(500, ones, ones)[0] == blastwin.dgemm(500, ones, ones)[0] == 500
print(*{line.split()[-1] for line in open("/proc/self/maps") if "/lib/libmkl" in line}, sep="\\n")
"""

pytestmark = [
    *needs_compiler,
    pytest.mark.slow,
    pytest.mark.skipif("WHEELYARD_LARGE_TESTS" not in os.environ, reason="large: WHEELYARD_LARGE_TESTS is not set"),
]


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    return Yard(root=tmp_path_factory.mktemp("mkl"), cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def built(yard: Yard) -> Done:
    twin(yard)
    done = yard.build(TABLES, more="./blastwin-1.0.tar.gz\n")
    assert done.code == 0, done.out + done.err
    return done


@pytest.mark.parametrize("threads", LAYER)
def test_its_threads_are_those_that_were_chosen(yard: Yard, built: Done, threads: str) -> None:
    folder = f"{HERE}.{threads}"
    (proof,) = (note for job, note in built.notes("prove").items() if folder in job and "loaded: " in note)
    assert f"mkl in {LAYER[threads]}." in proof
    assert "dgemm and eigh are right" in proof
    (wheel,) = (yard.targets / folder).glob("blastwin-*.whl")
    assert read(wheel, strict=True).version == f"1.0+mkl.{threads}.shared"


@pytest.mark.parametrize("scheme", ["venv", "user"])
def test_it_is_found_wherever_pip_puts_it(yard: Yard, built: Done, scheme: str, tmp_path: Path) -> None:
    source = yard.targets / f"{HERE}.openmp"
    place = tmp_path / scheme
    python, environment = sys.executable, {"PYTHONUSERBASE": str(place)}
    user: list[str] = []
    if scheme == "venv":
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        python, environment = str(place / "bin" / "python"), {}
    else:
        python = getattr(sys, "_base_executable", sys.executable)
        user = ["--user", "--break-system-packages"]
    pip = [python, "-m", "pip", "--isolated", "install", "--quiet", "--no-index", *user]
    lock = ["--require-hashes", "-f", str(source), "-r", str(source / "requirements.txt")]
    subprocess.run([*pip, *lock], check=True, env={"PATH": os.environ["PATH"], **environment})
    done = subprocess.run([python, "-c", BOTH], env=environment, capture_output=True, text=True, check=True)
    loaded = [Path(part) for part in done.stdout.split()]
    assert {each.parent for each in loaded} == {place / "lib"}
    assert len([each for each in loaded if each.name.startswith("libmkl_core")]) == 1
