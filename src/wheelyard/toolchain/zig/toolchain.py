"""A toolchain that compiles for another system with Zig, and the sandbox that its builds run in."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Command, Completed, Limits
from wheelyard.domain.errors import ToolError, WheelError
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.io import files
from wheelyard.sandbox.container.images import resolve
from wheelyard.sandbox.container.python import open_engine
from wheelyard.sandbox.paths import SYSTEM_PATH
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.sandbox.workspace import Workspace
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms
from wheelyard.targets.here import this_machine
from wheelyard.targets.interpreters import find
from wheelyard.toolchain.container import ContainerToolchain
from wheelyard.toolchain.identity import local_toolchain
from wheelyard.toolchain.local import LocalToolchain
from wheelyard.toolchain.protocol import Toolchain
from wheelyard.toolchain.zig import place as places
from wheelyard.toolchain.zig import rust
from wheelyard.toolchain.zig.place import Place
from wheelyard.toolchain.zig.python import of_image, of_this_machine
from wheelyard.wheels import overlay
from wheelyard.wheels.objects.check import check
from wheelyard.wheels.objects.systems import system_functions

_CPP = frozenset({".cpp", ".cc", ".cxx", ".c++", ".hpp"})
_RUNS_WHAT_IT_COMPILED = re.compile(
    r"Exec format error|cannot execute binary file|Can not run test applications in this cross environment"
    r"|try_run\(\) invoked in cross-compiling mode|cannot run (?:C|C\+\+) compiled programs"
    r"|cannot run test program while cross compiling",
    re.IGNORECASE,
)
_SHOWN = 8
_WARM = Limits(seconds=1800)
_C = "#include <math.h>\n#include <stdlib.h>\ndouble f(double x) { free(malloc(1)); return sin(x); }\n"
_CXX = "#include <string>\n#include <stdexcept>\nint f(int x) { throw std::runtime_error(std::to_string(x)); }\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZigToolchain:
    """A Python that is made to answer as the target's, and Zig as C and C++ compiler and linker."""

    target: Target
    place: Place
    native: Toolchain
    """Where it runs: this machine, or an image."""
    cache: Path

    @property
    def python(self) -> Path:
        """The interpreter that hooks run on: the one of the target's version there."""
        return Path(self.place.python.path)

    @property
    def identity(self) -> str:
        """Zig, its target, and the Python SDK."""
        return self.place.identity

    @property
    def image_pin(self) -> str | None:
        """The image that it runs in."""
        return self.native.image_pin

    @property
    def machine(self) -> Target:
        """That Python as a target of its own."""
        return self.place.python.machine

    def sandbox(self, recipe: Recipe) -> Sandbox:
        """Return the sandbox there, in which everything compiles for the target.

        :raises ToolError: if the recipe asks for packages of an image, and there is none.
        """
        if recipe.image_packages and self.native.image_pin is None:
            raise ToolError(
                f"there is no image to install {', '.join(recipe.image_packages)} into",
                where=f"target {self.target.name}",
                hint="leave out image-packages, or name an image to build in",
            )
        inner = self.native.sandbox(recipe)
        return CrossSandbox(place=self.place, inner=inner, cache=self.cache, target=self.target)

    def libraries(self, place: Workspace, wheel: Path) -> tuple[Path, ...]:  # noqa: ARG002
        """Return nothing: no library of the machine that builds is for the target."""
        return ()

    def check(self, wheel: Path, target: Target) -> None:
        """Read a wheel that was compiled for another system, as it cannot be tried.

        :raises WheelError: naming each object that would not load there, and why.
        """
        system = system_functions(self.place.compiler.library, platforms.parse(target.platform))
        checked = check(wheel, target, python=self.place.python_api() or None, system=system)
        if checked.faults:
            more = f"; and {len(checked.faults) - _SHOWN} more" if len(checked.faults) > _SHOWN else ""
            raise WheelError(
                f"would not load on {target.platform}: {'; '.join(checked.faults[:_SHOWN])}{more}",
                where=wheel.name,
                hint="what it is linked with must be the target's: see [[target]] libraries and apple-sdk",
            )


def zig_toolchain(target: Target, store: Store, local: Sandbox) -> ZigToolchain:
    """Return the toolchain of a target that says ``toolchain = "zig"``, on this machine.

    :raises ToolError: if there is no Zig, or no Python of the target's version, or Zig does not compile for it.
    """
    interpreter = find(target)
    if interpreter is None:
        raise ToolError(
            f"there is no {target.implementation} {target.python} here, which a cross build runs on",
            where=f"target {target.name}",
            hint="install that Python, or name an image that has it: the build backend is run by it",
        )
    compiler = shutil.which("cc", path=os.defpath) or ""
    place = places.make(target, of_this_machine(interpreter, target, compiler), store)
    native = LocalToolchain(python=Path(interpreter.path), identity=local_toolchain(), local=local)
    return ZigToolchain(target=target, place=place, native=native, cache=store.area("zig"))


def zig_in_image(target: Target, store: Store, settings: BuildSettings, name: str) -> ZigToolchain:
    """Return the toolchain of a target that says ``toolchain = "zig"``, in an image for this machine's CPU.

    Zig is this machine's, as are its cache, the wrappers and the pretended Python: containers see them read-only.

    :raises ToolError: if there is no engine or image, no Zig here, or no Python of the target's version in the image.
    """
    engine = open_engine(settings)
    image = resolve(engine, name, platforms.parse(this_machine().platform).cpu)
    python = of_image(engine, image, target)
    native = ContainerToolchain(engine=engine, image=image, python=Path(python.path))
    place = places.make(target, python, store)
    return ZigToolchain(target=target, place=place, native=native, cache=store.area("zig"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSandbox:
    """Another sandbox, in which compilers and Python are the target's.

    Each build has its own copy of Zig's cache: what one package's code leaves there, no other package is linked with.
    """

    place: Place
    inner: Sandbox
    cache: Path
    target: Target

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
        own, programs = command.writable[0], [*map(str, self.place.search_path), command.env.get("PATH", SYSTEM_PATH)]
        env = {**self._environment(own), **command.env, "PATH": ":".join(programs)}
        readable = tuple(dict.fromkeys((*command.readable, *self.place.seen)))
        done = self.inner.run(replace(command, env=env, readable=readable))
        advice = None if done.returncode == 0 or done.reason else self._advice(done.output)
        return replace(done, output=f"error: {advice}\n{done.output}") if advice else done

    def _advice(self, output: str) -> str | None:
        """Return what helps against a failure, by what was printed; None: that says enough."""
        if not _RUNS_WHAT_IT_COMPILED.search(output):
            return rust.advice(output)
        return (
            f"it runs a program that it has just compiled for {self.target.platform}, which this machine cannot: give "
            "it the answer by [packages.NAME] environment or config-settings, or build it in an image of the target"
        )

    def _environment(self, own: Path) -> dict[str, str]:
        cache = own / "zig-cache"
        if not cache.exists():
            warmed = warm(self.place, self.inner, self.cache, cpp=_has_cpp(own / "src"))
            shutil.copytree(warmed, cache, symlinks=True)
        folders = {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
        # In place of this machine's own: what pkg-config finds is the target's.
        described = [*overlay.pkg_config_folders(own / "env")]
        if self.target.build.libraries is not None:
            described.append(Path(self.target.build.libraries, "lib", "pkgconfig"))
        found = {"PKG_CONFIG_LIBDIR": ":".join(map(str, described))}
        return {**self.place.environment, **folders, **found}


def _has_cpp(source: Path) -> bool:
    return any(path.suffix.lower() in _CPP for path in source.rglob("*"))


def warm(place: Place, sandbox: Sandbox, area: Path, *, cpp: bool) -> Path:
    """Return a cache of Zig's with the target's C library, and C++'s if wanted; made before foreign code runs.

    :raises ToolError: if nothing can be compiled for the target.
    """
    # Zig looks at its own files by time and inode: another installation needs another cache.
    name = f"{place.compiler.version}-{place.triple}-{place.compiler.program.stat().st_ino}"
    plain = _warmed(place, sandbox, area / f"{name}-c", "c", _C)
    return _warmed(place, sandbox, area / f"{name}-cpp", "c++", _CXX, before=plain) if cpp else plain


def _warmed(
    place: Place, sandbox: Sandbox, cache: Path, language: str, text: str, *, before: Path | None = None
) -> Path:
    """Return a cache in which a text was compiled, over a copy of what was there ``before``.

    It gets its name when it is complete, and is never written again: others copy it at any time.
    """
    if not cache.exists():
        with files.locked(cache.with_name(f"{cache.name}.lock"), what=f"Zig's cache for {place.triple}", wait=True):
            if not cache.exists():
                staged = cache.with_name(f"{cache.name}.part")
                shutil.rmtree(staged, ignore_errors=True)  # of a run that was killed
                if before is not None:
                    shutil.copytree(before, staged, symlinks=True)
                _compile(place, sandbox, staged, language, text)
                staged.rename(cache)
    return cache


def _compile(place: Place, sandbox: Sandbox, cache: Path, language: str, text: str) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    suffix = {"c": "c", "c++": "cpp"}[language]
    source, result = cache / f"warm.{suffix}", cache / "warm.so"
    files.write(source, text, sync=False)
    log = cache.parent / f"{cache.name}.log"
    compiler = place.tools / ("c++" if language == "c++" else "cc")
    done = sandbox.run(
        Command(
            argv=(str(compiler), "-O2", "-fPIC", "-shared", str(source), "-o", str(result)),
            cwd=cache,
            env={
                "PATH": SYSTEM_PATH,
                "HOME": str(cache),
                "ZIG_GLOBAL_CACHE_DIR": str(cache),
                "ZIG_LOCAL_CACHE_DIR": str(cache),
            },
            readable=place.seen,
            writable=(cache,),
            limits=_WARM,
            log=log,
        )
    )
    if done.returncode != 0:
        last = done.output.strip()[-500:]
        raise ToolError(f"Zig compiles nothing for {place.triple}: {last}", where=str(place.compiler.program), log=log)
    source.unlink()
    result.unlink()
