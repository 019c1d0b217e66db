"""Variants of a target with an image: compiled in it, the BLAS from an index or Debian, and proven in a plain one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_units import BOOKWORM
from tests.support.images import Image
from tests.support.installers import pip_wheel
from tests.support.packages import make_wheel
from tests.support.variant_tables import linked
from tests.support.variant_yard import RECIPE, Done, Yard, needs_compiler
from wheelyard.domain.settings import BuildSettings
from wheelyard.io import files
from wheelyard.prove import container as proof
from wheelyard.prove.model import Bring, Subject
from wheelyard.sandbox.container.engine import Engine
from wheelyard.store.blobs import Store
from wheelyard.targets.commands import Route
from wheelyard.variants.axes.blas import identity
from wheelyard.variants.axes.blas.proof import probe
from wheelyard.variants.axes.simd import levels
from wheelyard.variants.axes.simd.check import inspect_wheel

pytestmark = [
    *needs_compiler,
    pytest.mark.container,
    pytest.mark.slow,
    pytest.mark.xdist_group("containers"),
]

TARGET = """
[[target]]
name = "bookworm"
python = "3.11"
platform = "manylinux_2_36_x86_64"
image = "{builder}"
host-image = "{host}"
"""
# The builder image has netlib; BLIS without threads has to be installed into it first.
VARIANTS = """
[[variant]]
blas = ["openblas", "netlib"]
simd = ["x86-64-v3"]
packages = ["blasdemo"]

[[variant]]
name = "blis-v3"
blas = "blis"
threads = "sequential"
simd = "x86-64-v3"
packages = ["blasdemo"]
"""
NETLIB = '\n[[variant]]\nblas = "netlib"\nsimd = "x86-64-v3"\npackages = ["blasdemo"]\nname = "netlib"\n'


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Yard:
    return Yard(root=tmp_path_factory.mktemp("variants"), cache=cache)


@pytest.fixture(scope="module")
def target(image: Image) -> str:
    return TARGET.format(builder=image("builder"), host=image("host"))


@pytest.fixture(scope="module")
def built(yard: Yard, target: str) -> Done:
    done = yard.build(RECIPE + target + VARIANTS)
    assert done.code == 0, done.out + done.err
    return done


@pytest.mark.parametrize("blas", ["openblas", "netlib", "blis"])
def test_compiled_and_proven_in_containers(yard: Yard, built: Done, blas: str, tmp_path: Path) -> None:
    folder = f"bookworm.{blas}-v3"
    wheel = yard.wheel(folder)
    assert {name for binary in identity.binaries(wheel) for name in binary.blas} == {blas}
    (code,) = inspect_wheel(wheel, tmp_path, linked=linked(blas))
    assert code.highest == 3
    note = built.notes("prove")[folder]
    if reason := levels.not_run_here("x86-64-v3"):
        assert note == f"not run here: {reason}"
        return
    assert "ordinary user without network in localhost/wheelyard-host" in note
    assert f"loaded: {blas} in lib" in note
    assert "dgemm and eigh are right" in note
    manifest = json.loads((yard.root / "wheelhouse" / "manifest.json").read_text())
    assert {each["proof"] for each in manifest["targets"]} == {"proven"}


def test_again_does_nothing(yard: Yard, built: Done, target: str) -> None:
    again = yard.build(RECIPE + target + VARIANTS)
    assert again.code == 0, again.err
    finished = [event for event in again.events if event["event"] == "job-finished" and event["stage"] == "prove"]
    assert {each["outcome"] for each in finished} <= {"reused", "skipped"}
    assert again.notes("prove") == built.notes("prove")


def test_a_build_that_takes_no_blas_fails(built: Done, tmp_path: Path, cache: Path, target: str) -> None:
    mine = Yard(root=tmp_path / "yard", cache=cache)
    done = mine.build(RECIPE.replace("{blas}", "") + target + NETLIB)
    assert done.code == 15, done.out + done.err
    assert "blasdemo 1.0, netlib.v3" in done.refusal
    assert "the build was to take netlib, and took no BLAS at all" in done.refusal


@pytest.fixture
def closed(engine: Engine, image: Image) -> Iterator[str]:
    """Yield the name of an image without a BLAS, into which nothing can be installed."""
    name = f"wheelyard-closed-{secrets.token_hex(4)}"
    engine.ask("run", "--name", name, "--network=none", *engine.own_limits(), image("host"), "rm", "/usr/bin/apt-get")
    try:
        engine.ask("commit", name, f"localhost/{name}:1", timeout=None)
        yield f"localhost/{name}:1"
    finally:
        engine.end(name)
        engine.call("rmi", "--force", f"localhost/{name}:1")


def test_a_blas_that_an_image_cannot_get(tmp_path: Path, cache: Path, image: Image, closed: str) -> None:
    mine = Yard(root=tmp_path / "yard", cache=cache)
    done = mine.build(RECIPE + TARGET.format(builder=closed, host=image("host")) + NETLIB)
    assert done.code == 15, done.out + done.err
    errors = [event for event in done.events if event["event"] == "error"]
    (error,) = [
        fault for fault in errors if "netlib's reference BLAS and LAPACK is not in the image" in fault["message"]
    ]
    assert error["where"] == "variant netlib, target bookworm"
    assert "apt-get install libblas-dev liblapack-dev" in error["hint"]


def test_a_library_of_the_image_is_known_too(tmp_path: Path, image: Image) -> None:
    host = proof.find_host(BuildSettings(), BOOKWORM, image("builder"))
    loading = 'import ctypes\nctypes.CDLL("libblis.so.4")\n'
    wheel = make_wheel(tmp_path, "stranger", "1.0", files={"stranger/__init__.py": loading.encode()})
    pip, store = pip_wheel("23.3.2"), Store(tmp_path / "store")
    subject = Subject(
        folder="bookworm.openblas",
        route=Route(folder="bookworm.openblas", python="python3"),
        wheels={wheel.name: store.path(store.add_file(wheel))},
        requirements_txt=f"stranger==1.0 --hash=sha256:{files.sha256(wheel)}\n",
        brought={"stranger": Bring(modules=["stranger"])},
        pip=(pip.name, store.path(store.add_file(pip))),
        probes=(probe({"blas": "openblas"}, ["stranger"]),),
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    said = proof.prove(subject, host, scratch=scratch, log=tmp_path / "proof.log")
    assert (said.outcome, said.imported) == ("failed", 1), said.reason
    assert said.reason.startswith("blis is loaded (libblis.so.4")
