"""Who repairs wheels for a platform, and what that does to the build key."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from wheelyard.build.unit import units_of
from wheelyard.domain.errors import RepairError
from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.domain.repaired import Repaired, RepairRequest
from wheelyard.domain.target import Target
from wheelyard.repair import repair as registry
from wheelyard.repair import worker

BSD = Target(name="bsd", python="3.12", python_full="3.12.0", platform="freebsd_14_x86_64")
LINUX = Target(name="el8", python="3.12", python_full="3.12.0", platform="manylinux_2_28_x86_64")


@dataclass(frozen=True)
class Toy:
    """Says that every wheel runs on FreeBSD."""

    version: str = "1"

    def identity(self) -> str:
        return f"toy {self.version}"

    def repair(self, request: RepairRequest) -> Repaired:
        request.into.mkdir()
        path = Path(shutil.copy2(request.wheel, request.into))
        return Repaired(path=path, policy=request.target.platform, grafted=("toy",))


def key(target: Target) -> str:
    """The build key of one package."""
    sdist = LockedFile(filename="demo-1.0.tar.gz", sha256="a" * 64)
    package = LockedPackage(name="demo", version="1.0", file=sdist, reason="a test")
    (unit,) = units_of((package,), target, {}, "gcc 1")
    return unit.key


def test_another_repairer_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0", tag="cp312-cp312-freebsd_14_x86_64", files={})
    with pytest.raises(RepairError, match="nobody here repairs wheels for freebsd_14_x86_64"):
        registry.repair(RepairRequest(wheel=wheel, into=tmp_path / "none", target=BSD, log=tmp_path / "log"))
    monkeypatch.setitem(registry.REPAIRERS, "freebsd", Toy())
    assert registry.repair(
        RepairRequest(wheel=wheel, into=tmp_path / "out", target=BSD, log=tmp_path / "log")
    ).grafted == ("toy",)


def test_another_version_of_the_repairer_is_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = set()
    for toy in (Toy(), Toy("2")):
        monkeypatch.setitem(registry.REPAIRERS, "manylinux", toy)
        keys.add(key(LINUX))
    assert len(keys) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="auditwheel and patchelf work on Linux")
def test_both_tools_for_linux_are_named() -> None:
    identity = registry.repairer_for("manylinux2014_x86_64").identity()
    assert identity == registry.repairer_for("musllinux_1_2_x86_64").identity()
    assert f"auditwheel {version('auditwheel')}, patchelf 0." in identity


def test_a_worker_that_fails(tmp_path: Path) -> None:
    with pytest.raises(RepairError, match=r"toy ended with an error: .*No module named wheelyard\.nothing"):
        worker.ask(
            "wheelyard.nothing",
            {},
            tool="toy",
            wheel="demo.whl",
            scratch=tmp_path,
            env=worker.environment(tmp_path),
            log=tmp_path / "log",
        )
