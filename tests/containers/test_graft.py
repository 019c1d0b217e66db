"""Compiled in an image made here, its libraries grafted, proven in a plain image that lacks them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support.build_units import BOOKWORM, unit
from tests.support.images import BLIS, BuildAll, Image
from tests.support.installers import pip_wheel
from tests.support.sdists import extension, sdist
from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Command
from wheelyard.domain.settings import BuildSettings
from wheelyard.prove import container as proof
from wheelyard.prove.model import Bring, Subject
from wheelyard.store.blobs import Store
from wheelyard.targets.commands import Route
from wheelyard.toolchain.container import find_toolchain

pytestmark = [pytest.mark.container, pytest.mark.slow, pytest.mark.xdist_group("containers")]

YAML = extension(
    "parsed",
    answer="major()",
    more="#include <yaml.h>\nstatic long major(void) { int a, b, c; yaml_get_version(&a, &b, &c); return b; }\n",
)


def test_libraries_of_the_image_are_grafted_and_found_on_a_host_without_them(
    tmp_path: Path, store: Store, image: Image, build: BuildAll
) -> None:
    builder, host = image("builder"), image("host")
    toolchain = find_toolchain(BuildSettings(), BOOKWORM, builder)
    dotted = sdist(tmp_path, "dotted", more="\nLIBRARIES = ['-lblis']\n", dotted__c=BLIS)
    parsed = sdist(tmp_path, "parsed", more="\nLIBRARIES = ['-lyaml']\n", parsed__c=YAML)
    units = [
        unit(dotted, store, toolchain.identity),
        unit(parsed, store, toolchain.identity, recipe=Recipe(image_packages=("libyaml-dev",))),
    ]

    built = build(toolchain, units)

    wheels = [built[each.key] for each in units]
    for wheel, library in zip(wheels, ("libblis", "libyaml"), strict=True):
        assert any(each.startswith(library) for each in wheel.grafted)
        assert "manylinux_2_" in wheel.filename
        assert wheel.sandbox.startswith(toolchain.engine.kind)
        with zipfile.ZipFile(store.path(wheel.sha256)) as archive:
            assert any(f".libs/{library}" in name for name in archive.namelist())

    found = proof.find_host(BuildSettings(), BOOKWORM, host)
    for library in ("libblis.so.4", "libyaml-0.so.2"):
        code = f"import ctypes; ctypes.CDLL({library!r})"
        done = found.sandbox.run(
            Command(
                argv=(found.python.path, "-c", code), cwd=Path("/"), limits=proof._LIMITS, log=tmp_path / "plain.log"
            )
        )
        assert "cannot open shared object file" in done.output, "the plain image must lack what is grafted"
    pip = pip_wheel("23.3.2")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    subject = Subject(
        folder="bookworm",
        route=Route(folder="bookworm", python="python3"),
        wheels={wheel.filename: store.path(wheel.sha256) for wheel in wheels},
        requirements_txt="".join(
            f"{name}==1.0 --hash=sha256:{wheel.sha256}\n"
            for name, wheel in zip(("dotted", "parsed"), wheels, strict=True)
        ),
        brought={"dotted": Bring(modules=["dotted"]), "parsed": Bring(modules=["parsed"])},
        pip=(pip.name, store.path(store.add_file(pip))),
    )
    said = proof.prove(subject, found, scratch=scratch, log=tmp_path / "proof.log")
    assert (said.outcome, said.installed, said.imported) == ("proven", 2, 2), said.reason
