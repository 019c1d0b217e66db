"""A Mac as the place where wheels for Macs are built: by Apple's compiler, for one CPU or for both at once.

None of this has been run on a Mac yet: commands and variables are those that Apple's and Python's tools document.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wheelyard.build.local import LocalToolchain
from wheelyard.build.model import Limits, Recipe, Sandbox
from wheelyard.doors import run as door
from wheelyard.doors.run import Completed
from wheelyard.targets import platforms
from wheelyard.targets.model import Target

_PROGRAM = "/usr/bin/sandbox-exec"
_DEVICES = ("/dev/null", "/dev/zero", "/dev/dtracehelper", "/dev/tty")


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
    if target.apple_sdk is not None:
        found["SDKROOT"] = target.apple_sdk
    if target.libraries is not None:
        found["CPPFLAGS"] = f"-I{target.libraries}/include"
        found["LDFLAGS"] = f"-L{target.libraries}/lib"
        found["CMAKE_PREFIX_PATH"] = target.libraries
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
        sdk = f", {Path(self.target.apple_sdk).name}" if self.target.apple_sdk else ""
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
        folders = tuple(Path(each) for each in (self.target.apple_sdk, self.target.libraries) if each)
        return AppleSandbox(inner=self.native.sandbox(recipe), variables=variables(self.target), folders=folders)


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

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        readable: Sequence[Path],
        writable: Sequence[Path],
        limits: Limits,
        log: Path,
    ) -> Completed:
        """Run a command; see :class:`wheelyard.build.model.Sandbox`."""
        return self.inner.run(
            command,
            cwd=cwd,
            env={**self.variables, **env},
            readable=(*readable, *self.folders),
            writable=writable,
            limits=limits,
            log=log,
        )


@dataclass(frozen=True, slots=True)
class SandboxExec:
    """Apple's ``sandbox-exec``: no network, no file written but the build's, none of a user's read but those given."""

    name: str = "sandbox-exec"
    isolation: Literal["full", "network", "none"] = "network"

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        readable: Sequence[Path],
        writable: Sequence[Path],
        limits: Limits,
        log: Path,
    ) -> Completed:
        """Run a command; see :class:`wheelyard.build.model.Sandbox`."""
        arguments = sandboxed(command, readable=readable, writable=writable)
        return door.run(arguments, cwd=cwd, env=env, log=log, timeout=limits.seconds)


def sandboxed(command: Sequence[str], *, readable: Sequence[Path], writable: Sequence[Path]) -> list[str]:
    """Return a command in ``sandbox-exec``: paths are parameters of the profile, so that none can change its meaning.

    Of two rules that fit, the later one counts. The kernel knows only real paths: ``/var`` is a link there.
    """
    named = {f"READ{number}": path for number, path in enumerate((*readable, *writable))}
    written = {f"WRITE{number}": path for number, path in enumerate(writable)}
    profile = ["(version 1)", "(allow default)", "(deny network*)", "(deny file-write*)"]
    profile += ['(deny file-read-data (subpath "/Users") (subpath "/Volumes"))']
    profile += [f'(allow file-read-data (subpath (param "{name}")))' for name in named]
    profile += [f'(allow file-write* (subpath (param "{name}")))' for name in written]
    profile += [f'(allow file-write* (literal "{path}"))' for path in _DEVICES]
    parameters = [f"-D{name}={os.path.realpath(path)}" for name, path in {**named, **written}.items()]
    return [_PROGRAM, *parameters, "-p", "".join(profile), *command]
