"""A Mac as the place where wheels for Macs are built: by Apple's compiler, for one CPU or for both at once.

None of this has been run on a Mac yet: commands and variables are those that Apple's and Python's tools document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Command, Completed
from wheelyard.domain.target import Target
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.sandbox.workspace import Workspace
from wheelyard.targets import platforms
from wheelyard.toolchain.local import LocalToolchain


def variables(target: Target) -> dict[str, str]:
    """Return the variables by which build backends compile for a target on any Mac that has a Python for its CPU.

    setuptools, meson-python, scikit-build-core and maturin read ``ARCHFLAGS``; ``sysconfig.get_platform()`` is what
    ``_PYTHON_HOST_PLATFORM`` says, and so is the wheel's tag.
    """
    platform = platforms.parse(target.platform)
    version = f"{platform.version[0]}.{platform.version[1]}"
    found = {
        "MACOSX_DEPLOYMENT_TARGET": version,
        "ARCHFLAGS": " ".join(f"-arch {cpu}" for cpu in platform.cpus),
        "_PYTHON_HOST_PLATFORM": f"macosx-{version}-{platform.cpu}",
        "CMAKE_OSX_ARCHITECTURES": ";".join(platform.cpus),
    }
    if target.build.apple_sdk is not None:
        found["SDKROOT"] = target.build.apple_sdk
    if target.build.libraries is not None:
        found["CPPFLAGS"] = f"-I{target.build.libraries}/include"
        found["LDFLAGS"] = f"-L{target.build.libraries}/lib"
        found["CMAKE_PREFIX_PATH"] = target.build.libraries
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AppleToolchain:
    """This Mac's Python, and Apple's compiler told what to compile for."""

    target: Target
    native: LocalToolchain
    here: Target
    """This Mac, by the same Python."""

    @property
    def python(self) -> Path:
        """The interpreter that hooks run on."""
        return self.native.python

    @property
    def identity(self) -> str:
        """Compiler and system of this Mac, and Apple's SDK where one is named."""
        sdk = f", {Path(self.target.build.apple_sdk).name}" if self.target.build.apple_sdk else ""
        return f"{self.native.identity}{sdk}"

    @property
    def image_pin(self) -> None:
        """No container."""

    @property
    def machine(self) -> Target | None:
        """What build requirements run on: this Mac, where the target is for the other CPU or for both."""
        same = platforms.parse(self.here.platform).cpu == platforms.parse(self.target.platform).cpu
        return None if same else self.here

    def sandbox(self, recipe: Recipe) -> Sandbox:
        """Return this Mac's sandbox with the target's variables."""
        folders = tuple(Path(folder) for folder in (self.target.build.apple_sdk, self.target.build.libraries) if folder)
        return AppleSandbox(inner=self.native.sandbox(recipe), variables=variables(self.target), folders=folders)

    def libraries(self, place: Workspace, wheel: Path) -> tuple[Path, ...]:
        """Return what this Mac's own toolchain does."""
        return self.native.libraries(place, wheel)

    def check(self, wheel: Path, target: Target) -> None:
        """Do what this Mac's own toolchain does."""
        self.native.check(wheel, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppleSandbox:
    """Another sandbox, with variables that a package's own rule may overrule."""

    inner: Sandbox
    variables: Mapping[str, str]
    folders: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """The inner sandbox's."""
        return self.inner.name

    @property
    def isolation(self) -> Literal["full", "network", "none"]:
        """The inner sandbox's."""
        return self.inner.isolation

    def run(self, command: Command) -> Completed:
        """Run a command; see :class:`wheelyard.sandbox.protocol.Sandbox`."""
        env = {**self.variables, **command.env}
        return self.inner.run(replace(command, env=env, readable=(*command.readable, *self.folders)))
