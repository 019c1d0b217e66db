"""What holds for every test, and the fixtures of more than one folder.

Under CI a test that skips fails the run, unless ``allowed-skips.txt`` lets it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.images import Image
from tests.support.index_server import IndexServer
from tests.support.skips import ALLOWED, Allowed, not_allowed
from tests.support.yard import Yard, bundled_pip
from wheelyard.domain.errors import ToolError
from wheelyard.domain.settings import BuildSettings
from wheelyard.sandbox.container import python
from wheelyard.sandbox.container.engine import Engine
from wheelyard.store.blobs import Store
from wheelyard.toolchain.zig.zig import find_zig

os.environ.setdefault("WHEELYARD_GRACE", "0")  # no test waits for readers that it does not have


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests: a worker whose last file takes minutes leaves the others idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that skipped what it should not; elsewhere a machine may lack things."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or terminal is None or hasattr(session.config, "workerinput"):
        return
    allowed = Allowed.read(ALLOWED)
    wrong = not_allowed(((each.nodeid, str(each.longrepr[2])) for each in terminal.stats.get("skipped", ())), allowed)
    for nodeid, reason in wrong:
        terminal.write_line(f"\nSKIPPED, and {ALLOWED.name} does not let it: {nodeid}: {reason}", red=True)
    if wrong and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    shop = tmp_path / "shop"
    shop.mkdir()
    shutil.copy(bundled_pip(), shop)
    root = tmp_path / "yard"
    root.mkdir()
    with IndexServer(shop) as index:
        yield Yard(root=root, shop=shop, index=index)


@pytest.fixture(scope="session")
def zig_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One store for all tests of a worker; Zig compiles each C library once for all workers."""
    try:
        find_zig()
    except ToolError as error:
        pytest.skip(str(error))
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "zig"
    shared.mkdir(exist_ok=True)
    made = Store(tmp_path_factory.mktemp("store"))
    made.area("zig").symlink_to(shared)
    return made


SCRIPT = Path(__file__).parents[1] / "docker" / "debian.sh"


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


HANDLERS = Path("/proc/sys/fs/binfmt_misc")


@pytest.fixture(scope="module")
def emulation() -> None:
    """Programs for arm64 start here; turned on where that only takes a command."""
    handler = HANDLERS / "qemu-aarch64"
    if not handler.exists():
        for command in (
            ["mount", "-t", "binfmt_misc", "binfmt_misc", str(HANDLERS)],
            ["update-binfmts", "--enable", "qemu-aarch64"],
        ):
            try:
                subprocess.run(command, capture_output=True, check=False)
            except OSError:
                break
    if not handler.exists():
        pytest.skip("programs for arm64 do not run here: qemu-user-static and binfmt-support, and root to enable them")


@pytest.fixture(scope="session")
def old_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site-packages folder that holds pip 9.0.3 alone, as RHEL 8 has it."""
    folder = tmp_path_factory.mktemp("pip")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "pip==9.0.3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"pip 9.0.3 cannot be had: {done.stderr.strip().splitlines()[-1:]}")
    shutil.unpack_archive(str(next(folder.glob("*.whl"))), folder / "site", "zip")
    return folder / "site"
