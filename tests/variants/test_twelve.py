"""Four BLAS, three levels, and one with long integers: wheels of one small extension, each of them what it says.

All twelve of the matrix with ``WHEELYARD_LARGE_TESTS=1``.
"""

from __future__ import annotations

import json
import os
import platform
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.variant_tables import linked
from tests.support.variant_yard import HERE, RECIPE, Done, Yard, needs_compiler
from wheelyard.bundle import manifest as manifests
from wheelyard.index.people.frame import Frame
from wheelyard.report.inventory import inventory
from wheelyard.report.papers import licenses_html, report_html
from wheelyard.report.sbom import sbom
from wheelyard.report.vulnerabilities import look
from wheelyard.variants import finish
from wheelyard.variants.axes.blas import identity
from wheelyard.variants.axes.blas.libraries import libraries
from wheelyard.variants.axes.simd import levels
from wheelyard.variants.axes.simd.check import inspect_wheel
from wheelyard.wheels.read import read

LIBRARIES = Path(f"/usr/lib/{platform.machine()}-linux-gnu")
NEEDED = [LIBRARIES / name for name in ("blis-openmp/libblis.so", "blas/libblas.so", "liblapack_pic.a")]
BLAS = ("openblas", "mkl", "blis", "netlib")
LEVELS = ("v2", "v3", "v4")
LARGE = "WHEELYARD_LARGE_TESTS" in os.environ
# What a BLAS does to a build and what a level does have nothing to do with one another: each BLAS at one level, each
# level with one BLAS, and MKL twice, as it is linked statically and its code lies beside the package's.
SOME = {"openblas": LEVELS, "mkl": ("v2", "v4"), "blis": ("v3",), "netlib": ("v4",)}
OF_BLAS = dict.fromkeys(BLAS, LEVELS) if LARGE else SOME
EVERY = [*((blas, level) for blas in BLAS for level in OF_BLAS[blas]), ("openblas64", "v3")]

MATRIX = RECIPE + "".join(
    f"""
[[variant]]
name = "demo-{blas}-{level}"
blas = "{blas}"
simd = "x86-64-{level}"
packages = ["blasdemo"]
"""
    for blas, level in EVERY
)

pytestmark = [
    *needs_compiler,
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(path.exists() for path in NEEDED),
        reason="BLIS and netlib are not installed (tests/system-packages.txt)",
    ),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Yard:
    return Yard(root=tmp_path_factory.mktemp("twelve"), cache=cache)


@pytest.fixture(scope="module")
def built(yard: Yard) -> Done:
    done = yard.build(MATRIX)
    assert done.code == 0, done.err
    return done


def folder(blas: str, level: str) -> str:
    return f"{HERE}.demo-{blas}-{level}"


def runs_here(level: str) -> bool:
    return levels.not_run_here(f"x86-64-{level}") is None


@pytest.mark.parametrize(("blas", "level"), EVERY)
def test_a_folder_is_complete(yard: Yard, built: Done, blas: str, level: str) -> None:
    place = yard.targets / folder(blas, level)
    names = {path.name for path in place.iterdir()}
    assert {"index.html", "simple", "requirements.txt", "pylock.toml"} <= names
    assert f"blasdemo==1.0+{blas}.{level} " in (place / "requirements.txt").read_text()
    assert f'version = "1.0+{blas}.{level}"' in (place / "pylock.toml").read_text()
    assert f"blasdemo-1.0%2B{blas}.{level}-" in (place / "index.html").read_text()


@pytest.mark.parametrize(("blas", "level"), EVERY)
def test_a_wheel_agrees_with_itself(yard: Yard, built: Done, blas: str, level: str) -> None:
    path = yard.wheel(folder(blas, level))
    facts = read(path, strict=True)
    assert facts.version == f"1.0+{blas}.{level}"
    note = finish.read_note(path)
    assert note is not None
    assert note["variant"] == {"blas": blas, "simd": f"x86-64-{level}"}
    assert re.fullmatch("[0-9a-f]{64}", str(note["build-key"]))
    with zipfile.ZipFile(path) as archive:
        grafted = {name.partition("/")[2] for name in archive.namelist() if name.startswith("blasdemo.libs/")}
        texts = [name for name in archive.namelist() if ".dist-info/licenses/" in name]
        assert all(len(archive.read(name)) > 500 for name in texts)
    assert texts, "the licence of its BLAS"
    assert set(note["grafted"]) == grafted  # type: ignore[call-overload]  # JSON


@pytest.mark.parametrize(("blas", "level"), EVERY)
def test_a_wheel_has_its_blas_and_its_level(yard: Yard, built: Done, blas: str, level: str, tmp_path: Path) -> None:
    path = yard.wheel(folder(blas, level))
    assert {name for binary in identity.binaries(path) for name in binary.blas} == {blas}
    (code,) = inspect_wheel(path, tmp_path, linked=linked(blas))
    assert code.named
    number = int(level[1:])
    assert "axpy" in code.levels[number]
    assert code.highest == number


@pytest.mark.parametrize(("blas", "level"), EVERY)
def test_a_folder_is_proven_where_the_cpu_can(yard: Yard, built: Done, blas: str, level: str) -> None:
    manifest = json.loads((yard.root / "wheelhouse" / "manifest.json").read_text())
    (said,) = [each for each in manifest["targets"] if each["folder"] == folder(blas, level)]
    assert said["needs"] == {"simd": f"x86-64-{level}"}
    note = built.notes("prove").get(folder(blas, level))
    if not runs_here(level):
        assert said["proof"] == "not run"
        assert note is not None
        assert note.startswith("not run here: this CPU lacks")
        return
    assert said["proof"] == "proven"
    assert note is not None
    assert f"loaded: {blas} in " in note
    assert "dgemm and eigh are right" in note


def test_the_baseline_is_there_and_is_no_variant(yard: Yard, built: Done, tmp_path: Path) -> None:
    path = yard.wheel(HERE)
    assert read(path).version == "1.0"
    assert finish.read_note(path) is None
    (code,) = inspect_wheel(path, tmp_path)
    assert code.highest <= 2


def test_restricted_redistribution_is_said(built: Done) -> None:
    said = [warning for warning in built.warnings() if "passed on" in warning]
    assert len(said) == len(OF_BLAS["mkl"])
    assert all("mkl" in each for each in said)


@pytest.fixture(scope="module")
def bill(yard: Yard, built: Done) -> dict[str, dict[str, Any]]:
    """What the SBOM says about the BLAS in each folder's wheel, by folder."""
    root = yard.root / "wheelhouse"
    manifest, _ = manifests.read(root)
    document = json.loads(sbom(inventory(root, manifest), manifest))
    names = {str(yard.wheel(folder(*each)).name): folder(*each) for each in EVERY}
    return {
        names[filename]: part
        for each in document["components"]
        if (filename := next(p["value"] for p in each["properties"] if p["name"] == "wheelyard:filename")) in names
        for part in each["components"]
        if part["bom-ref"].endswith("#blas")
    }


@pytest.mark.parametrize(("blas", "level"), EVERY)
def test_the_sbom_names_its_blas(bill: dict[str, dict[str, Any]], blas: str, level: str) -> None:
    part = bill[folder(blas, level)]
    library = libraries()[blas]
    assert (part["name"], part["licenses"]) == (library.title, [{"expression": library.licence}])
    assert re.match(r"\d+\.\d+", part["version"]), "of the wheel, or of the system's package"
    files = [component["name"] for component in part.get("components", [])]
    said = {each["name"]: each["value"] for each in part["properties"]}
    if blas == "mkl":
        assert (said["wheelyard:linked"], files) == ("statically", [])
        assert "redistribution" in said["wheelyard:restricted"]
    else:
        assert said == {"wheelyard:linked": "dynamically"}
        assert any("blas" in name or "blis" in name for name in files)


def test_the_papers_warn_of_restricted_redistribution(yard: Yard, built: Done) -> None:
    root = yard.root / "wheelhouse"
    manifest, _ = manifests.read(root)
    components = inventory(root, manifest)
    for page in (
        licenses_html(components, manifest, Frame()),
        report_html(components, manifest, look(components, None), Frame()),
    ):
        (line,) = (each for each in page.decode().splitlines() if "may not be passed on freely" in each)
        assert line.count("blasdemo-1.0+mkl.") == len(OF_BLAS["mkl"])


def test_again_does_nothing(yard: Yard, built: Done) -> None:
    again = yard.build(MATRIX)
    assert again.code == 0, again.err
    (summary,) = [event for event in again.events if event["event"] == "summary"]
    assert summary["built"] == 0
    finished = [event for event in again.events if event["event"] == "job-finished" and event["stage"] == "prove"]
    assert {each["outcome"] for each in finished} <= {"reused", "skipped"}


SABOTAGE: dict[str, tuple[str, str, str]] = {
    "another BLAS": ("mkl", "blas-netlib", r"the build was to take mkl, and took \w+ \(in "),
    "none at all": ("mkl", "", "the build was to take mkl, and took no BLAS at all"),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_a_build_that_takes_something_else_fails(
    yard: Yard, built: Done, tmp_path: Path, cache: Path, what: str
) -> None:
    blas, name, words = SABOTAGE[what]
    sabotaged = RECIPE.replace("{blas}", name)
    table = f'\n[[variant]]\nname = "lie"\nblas = "{blas}"\nsimd = "x86-64-v2"\npackages = ["blasdemo"]\n'
    mine = Yard(root=tmp_path / "yard", cache=cache)
    done = mine.build(sabotaged + table)
    assert done.code == 15, done.out + done.err
    assert re.search(words, done.refusal), done.refusal
    assert "blasdemo 1.0, mkl.v2" in done.refusal
    assert (mine.targets / HERE).is_dir(), "the baseline is no lie"
    assert not (mine.targets / f"{HERE}.lie").exists()


def test_flags_that_do_not_reach_the_compiler(yard: Yard, built: Done, tmp_path: Path, cache: Path) -> None:
    table = '\n[[variant]]\nname = "lie"\nsimd = "x86-64-v3"\npackages = ["blasdemo"]\n'
    mine = Yard(root=tmp_path / "yard", cache=cache)
    done = mine.build(RECIPE + "simd.environment = {}\n" + table)
    assert done.code == 15, done.out + done.err
    assert "did not reach the compiler" in done.refusal
