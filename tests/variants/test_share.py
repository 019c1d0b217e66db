"""Two packages with one BLAS between them: on disk, and in the process."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.variant_twins import twin
from tests.support.variant_yard import HERE, Yard, needs_compiler
from wheelyard.wheels.read import read

TABLES = """
[[variant]]
name = "shared"
blas = "openblas"
packages = ["blasdemo", "blastwin"]
share-blas = true

[[variant]]
name = "copies"
blas = "openblas"
packages = ["blasdemo", "blastwin"]
""" + "".join(
    f'\n[[recipe]]\npackage = "{name}"\nblas.environment = {{ BLASDEMO_BLAS = "{{blas}}" }}\n'
    for name in ("blasdemo", "blastwin")
)

BOTH = """
import blasdemo, blastwin
assert blasdemo.dgemm(2, [1, 2, 3, 4], [1, 0, 0, 1]) == blastwin.dgemm(2, [1, 2, 3, 4], [1, 0, 0, 1]) == [1, 2, 3, 4]
paths = {line.split()[-1] for line in open("/proc/self/maps") if "openblas" in line}
print(*sorted(paths), sep="\\n")
"""

pytestmark = [*needs_compiler, pytest.mark.slow]


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    made = Yard(root=tmp_path_factory.mktemp("share"), cache=tmp_path_factory.mktemp("cache"))
    twin(made)
    done = made.build(TABLES, more="./blastwin-1.0.tar.gz\n")
    assert done.code == 0, done.out + done.err
    return made


def installed(yard: Yard, folder: str, place: Path) -> list[str]:
    """Install both from a folder by its lock; return the files of OpenBLAS that a process with both has loaded."""
    source = yard.targets / f"{HERE}.{folder}"
    command = [sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--no-index", "--target", str(place)]
    subprocess.run([*command, "--require-hashes", "-f", source, "-r", source / "requirements.txt"], check=True)
    done = subprocess.run(
        [sys.executable, "-c", BOTH], env={"PYTHONPATH": str(place)}, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def openblas_on_disk(place: Path) -> int:
    return sum(path.stat().st_size for path in place.rglob("libscipy_openblas*.so"))


def test_one_on_disk_and_one_in_the_process(yard: Yard, tmp_path: Path) -> None:
    shared, copies = tmp_path / "shared", tmp_path / "copies"
    (loaded,) = installed(yard, "shared", shared)
    assert loaded == str(shared / "scipy_openblas32" / "lib" / "libscipy_openblas.so")
    installed(yard, "copies", copies)
    assert openblas_on_disk(copies) == pytest.approx(2 * openblas_on_disk(shared), rel=0.01)


def test_a_sharing_wheel_asks_for_the_wheel_that_has_it(yard: Yard) -> None:
    (wheel,) = (yard.targets / f"{HERE}.shared").glob("blastwin-*.whl")
    facts = read(wheel, strict=True)
    assert facts.version == "1.0+openblas.shared"
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if ".libs/" in name]
        metadata = archive.read(f"{facts.dist_info}/METADATA").decode()
    (brings,) = (yard.targets / f"{HERE}.shared").glob("scipy_openblas32-*.whl")
    assert f"Requires-Dist: scipy-openblas32=={brings.name.split('-')[1]}\n" in metadata.partition("\n\n")[0] + "\n"


def test_copies_need_no_other_wheel(yard: Yard) -> None:
    assert {path.name.split("-")[0] for path in (yard.targets / f"{HERE}.copies").glob("*.whl")} == {
        "blasdemo",
        "blastwin",
    }
