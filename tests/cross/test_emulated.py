"""Compiled by Zig for arm64, without an image of it; installed and imported by a real one, under emulation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cross_targets import Build, cross
from tests.support.greeting import greeting
from tests.support.images import Image
from tests.support.installers import pip_wheel
from wheelyard.domain.settings import BuildSettings
from wheelyard.prove import container as proof
from wheelyard.prove.model import Bring, Subject
from wheelyard.store.blobs import Store
from wheelyard.targets.commands import Route

pytestmark = [pytest.mark.container, pytest.mark.slow, pytest.mark.xdist_group("containers")]


def test_proven_on_another_cpu(tmp_path: Path, build: Build, store: Store, image: Image, emulation: None) -> None:
    plain = image("host", "arm64", "bullseye")
    target = cross("manylinux_2_17_aarch64", "3.9")
    wheel = build(greeting(tmp_path), target)
    found = proof.find_host(BuildSettings(), target, plain)
    pip = pip_wheel("23.3.2")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    subject = Subject(
        folder="arm",
        route=Route(folder="arm", python="python3"),
        wheels={wheel.filename: store.path(wheel.sha256)},
        requirements_txt=f"greeting==1.0 --hash=sha256:{wheel.sha256}\n",
        brought={"greeting": Bring(modules=["greeting"])},
        pip=(pip.name, store.path(store.add_file(pip))),
    )
    said = proof.prove(subject, found, scratch=scratch, log=tmp_path / "proof.log")
    assert (said.outcome, said.installed, said.imported) == ("proven", 1, 1), said.reason
    assert said.reason.endswith(f"{plain}, under emulation")
