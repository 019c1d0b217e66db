"""Real engines and real images: made from a Debian mirror by ``docker/debian.sh``, once a machine."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from wheelyard.build.worker import build_all
from wheelyard.domain.build import BuildUnit, BuiltWheel, Limits
from wheelyard.domain.errors import ToolError
from wheelyard.domain.events import silent
from wheelyard.domain.settings import BuildSettings
from wheelyard.sandbox.container import python
from wheelyard.sandbox.container.engine import Engine
from wheelyard.store.blobs import Store
from wheelyard.toolchain.container import ContainerToolchain

SCRIPT = Path(__file__).parents[2] / "docker" / "debian.sh"

Image = Callable[..., str]
BuildAll = Callable[..., dict[str, BuiltWheel]]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine of this machine, or skip: without one there is nothing to test here."""
    try:
        return python.open_engine(BuildSettings())
    except ToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return the name of an image, made if it is not there: ``image("host", "arm64", "trixie")``."""
    if shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap is not installed: no image can be made")
    machine = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)

    def make(kind: str, architecture: str = machine.stdout.strip(), suite: str = "bookworm") -> str:
        lock = tmp_path_factory.getbasetemp().parent / f"wheelyard-image-{kind}-{suite}-{architecture}.lock"
        with lock.open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # other workers of this session want the same image
            done = subprocess.run([str(SCRIPT), kind, suite, architecture], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no image can be made here: {done.stderr.strip()[-300:]}")
        return done.stdout.strip().rpartition("\n")[2].split()[0]

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def build(store: Store) -> BuildAll:
    """Build units in their containers, as the main job does."""

    def build_(
        toolchain: ContainerToolchain, units: Sequence[BuildUnit], *, limits: Limits | None = None, jobs: int = 2
    ) -> dict[str, BuiltWheel]:
        return dict(
            build_all(
                units,
                store=store,
                sandbox_for=lambda unit: toolchain.sandbox(unit.recipe),
                interpreter_for=lambda _: toolchain.python,
                limits=limits or Limits(seconds=120, memory=1 << 30, processes=256),
                jobs=jobs,
                fail_fast=False,
                report=silent,
            )
        )

    return build_
