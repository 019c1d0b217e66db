"""Another sandbox, and another toolchain, are one entry in a registry each."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest
from msgspec import inspect

from tests.support.builds import Yard
from tests.support.sandboxes import working
from tests.support.sdists import extension
from wheelyard.config.schema import BuildTable, TargetTable
from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Command, Completed
from wheelyard.domain.errors import ToolError, WheelError
from wheelyard.domain.events import silent
from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.io import files
from wheelyard.sandbox.local import SANDBOXES, find_sandbox
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.sandbox.workspace import Workspace
from wheelyard.schema.read import fields, plain
from wheelyard.store.blobs import Store
from wheelyard.toolchain.find import FINDERS, Toolchains
from wheelyard.toolchain.protocol import Means

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@dataclass(frozen=True)
class ToySandbox:
    """Another one, in which commands see a folder more and are told where to link from."""

    inner: Sandbox
    folder: Path
    name: str = "toy"
    isolation: Literal["full", "network", "none"] = "full"

    def run(self, command: Command) -> Completed:
        env = {**command.env, "LIBRARY_PATH": str(self.folder)}
        return self.inner.run(replace(command, env=env, readable=(*command.readable, self.folder)))


@dataclass(frozen=True)
class ToyToolchain:
    """This machine's compiler, with a library that only it knows, and wheels that it refuses."""

    python: Path
    shut: Sandbox
    folder: Path
    identity: str = "toy 1"
    image_pin: None = None
    machine: None = None

    def sandbox(self, recipe: Recipe) -> Sandbox:
        return self.shut

    def libraries(self, place: Workspace, wheel: Path) -> tuple[Path, ...]:
        return (self.folder,)

    def check(self, wheel: Path, target: Target) -> None:
        if "refused" in wheel.name:
            raise WheelError(f"toys do not load on {target.name}", where=wheel.name)


@dataclass(frozen=True)
class ToyFinder:
    """Needs a library in the store, and gives the toolchain that has it."""

    library: RemoteFile
    shut: Sandbox
    folder: Path

    def needs(self, target: Target, store: Store) -> tuple[RemoteFile, ...]:
        return () if store.has(self.library.sha256 or "") else (self.library,)

    def find(self, target: Target, means: Means) -> ToyToolchain:
        means.store.take(self.library.sha256 or "", self.folder / "libtoy.so")
        return ToyToolchain(python=Path(str(target.build.interpreter)), shut=self.shut, folder=self.folder)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path, working("bubblewrap"))


def test_another_sandbox_is_one_entry(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SANDBOXES, "toy", ToySandbox(yard.sandbox, yard.folder))
    yard.sandbox = find_sandbox(BuildSettings(sandbox="toy"), silent)
    more = f"assert os.environ['LIBRARY_PATH'] == {str(yard.folder)!r}\n"
    (built,) = yard.build(yard.sdist("demo", demo__py="x = 1\n", more=more))
    assert built.sandbox == "toy"


def test_another_toolchain_is_one_entry(yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, folder = tmp_path / "made.so", tmp_path / "toys"
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(made), "-Wl,-soname,libtoy.so"]
    subprocess.run(command, input="int toy(void) { return 42; }\n", text=True, check=True)
    library = RemoteFile(filename="libtoy.so", url="https://toys.example.org/libtoy.so", sha256=files.sha256(made))
    finder = ToyFinder(library, ToySandbox(yard.sandbox, folder), folder)
    target = yard.target = replace(yard.target, build=replace(yard.target.build, toolchain="toy"))
    with pytest.raises(ToolError, match="there is no toolchain toy"):
        Toolchains(BuildSettings(), yard.store, silent)(target)

    monkeypatch.setitem(FINDERS, "toy", finder)
    fetched: list[RemoteFile] = []

    def fetch(wanted: tuple[RemoteFile, ...]) -> None:
        fetched.extend(wanted)
        yard.store.add_file(made)

    yard.toolchains = Toolchains(BuildSettings(), yard.store, silent, fetch=fetch)
    answer, linked = {"answer": "toy()", "more": "int toy(void);\n"}, "LIBRARIES = ['-ltoy']\n"
    (built,) = yard.build(yard.sdist("demo", demo__c=extension("demo", **answer), more=linked))
    assert [name.partition("-")[0] for name in built.grafted] == ["libtoy"]
    assert fetched == [library]
    (error,) = yard.fail(yard.sdist("refused", refused__c=extension("refused", **answer), more=linked))
    assert f"toys do not load on {target.name}" in str(error)


def test_the_configuration_knows_them_all() -> None:
    sandboxes = plain(fields(BuildTable)["sandbox"].kind)
    assert isinstance(sandboxes, inspect.LiteralType)
    assert set(sandboxes.values) == {"auto", "container", *SANDBOXES}
    toolchains = plain(fields(TargetTable)["toolchain"].kind)
    assert isinstance(toolchains, inspect.LiteralType)
    assert {None, *toolchains.values} == set(FINDERS)
