"""What a configuration needs of this machine: for each of its targets, what proves, compiles and repairs it."""

from __future__ import annotations

import functools
import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from wheelyard.config.model import Config
from wheelyard.doctor import compilers, places
from wheelyard.doctor.model import Finding, by_family
from wheelyard.domain.errors import ToolError
from wheelyard.domain.lock import Lock
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.lock.lock import read as read_lock
from wheelyard.sandbox.container.images import is_here
from wheelyard.sandbox.container.python import open_engine
from wheelyard.targets import interpreters, presets

CROSS = "pip install 'wheelyard[cross]'"
_RUST = frozenset({"maturin", "setuptools-rust"})
"""Build requirements of those who compile Rust."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFindings:
    """What one target needs of this machine."""

    proof: Finding
    """Where its folder will be installed and imported."""
    tools: tuple[Finding, ...]
    """What compiles and repairs for it."""


def examine_for(config: Config) -> tuple[Finding, ...]:
    """Look for what the targets of a configuration need, without changing anything and without the network.

    What is compiled is known from the locks that lie beside the configuration.
    """
    locks = {target.name: lock for target in config.targets if (lock := read_lock(config, target.name)) is not None}
    targets = examine_targets(config, locks).values()
    return tuple(finding for target in targets for finding in (target.proof, *target.tools))


def examine_targets(config: Config, locks: Mapping[str, Lock]) -> dict[str, TargetFindings]:
    """Return what is here of that which each target needs, by the targets' names.

    :param locks: by target: they say what is compiled, and by what.
    """
    engine = functools.cache(lambda: places.engine(config.build.engine, config.build.engine_arguments))
    # a container is started to see: only where one is needed
    return {
        target.name: TargetFindings(
            proof=_proof(target, engine, config.build),
            tools=tuple(_tools(target, engine, config.build, locks.get(target.name))),
        )
        for target in config.targets
    }


def _tools(
    target: Target, engine: Callable[[], Finding], settings: BuildSettings, lock: Lock | None
) -> Iterator[Finding]:
    if target.build.image is not None:
        yield _needs_engine(f"{target.name}: image", f"builds in {target.build.image}", engine())
    if target.build.toolchain == "zig":
        there = shutil.which("zig") or importlib.util.find_spec("ziglang")
        yield _module(f"{target.name}: zig", "compiles for it", "zig", there=bool(there))
    if target.platform.startswith("macosx_"):
        tool = "delocate" if sys.platform == "darwin" else "repairwheel"
        there = importlib.util.find_spec(tool)
        yield _module(f"{target.name}: {tool}", "repairs its wheels", tool, there=bool(there))
    if target.build.image is None and settings.sandbox != "container" and lock is not None:
        yield from _compilers(target, lock)


def _compilers(target: Target, lock: Lock) -> Iterator[Finding]:
    """Look for what compiles a lock's sdists on this machine."""
    sdists = [package.name for package in lock.packages if package.how == "build"]
    if not sdists:
        return
    purpose = f"compiles {', '.join(sdists)}"
    if target.build.toolchain is None:
        yield replace(compilers.c(), name=f"{target.name}: C compiler", purpose=purpose)
    rusty = [package.name for package in lock.packages if _RUST & {tool.name for tool in package.build_requirements}]
    if rusty:
        there = shutil.which("cargo")
        yield Finding(
            name=f"{target.name}: Rust",
            status="ok" if there else "missing",
            purpose=f"compiles {', '.join(rusty)}",
            detail=there or "no cargo",
            packages={} if there else by_family("cargo", "cargo", "cargo"),
        )


def _module(name: str, purpose: str, tool: str, *, there: bool) -> Finding:
    return Finding(
        name=name,
        status="ok" if there else "missing",
        purpose=purpose,
        detail=f"{tool} is here" if there else f"no {tool}",
        advice="" if there else CROSS,
    )


def _needs_engine(name: str, purpose: str, engine: Finding) -> Finding:
    return replace(engine, name=name, purpose=purpose)


def _proof(target: Target, engine: Callable[[], Finding], settings: BuildSettings) -> Finding:
    """Say where the folder will be proven: in the image of its hosts, or with a Python of this machine."""
    name, purpose = f"{target.name}: proof", "installs and imports the folder once"
    if target.build.host_image is not None:
        purpose = f"{purpose}, in {target.build.host_image}"
        finding = _needs_engine(name, purpose, engine())
        if finding.status != "ok":
            return finding
        return replace(finding, detail=_in_image(target.build.host_image, settings))
    interpreter = interpreters.find(target)
    if interpreter is not None and interpreters.runs_here(interpreter, target):
        return Finding(name=name, status="ok", purpose=purpose, detail=f"by {interpreter.path}")
    why = f"no {target.implementation} {target.python} here that stands for it"
    image = presets.host_image(target) if settings.sandbox in ("auto", "container") else None
    if image is not None and engine().status == "ok":
        return Finding(name=name, status="ok", purpose=purpose, detail=_in_image(image, settings))
    advice = f"pyenv install {target.python}, or name an image of such hosts: host-image"
    if image is not None:
        advice = f"a container engine would prove it in {image}; or {advice}"
    return Finding(
        name=name, status="partial", purpose=purpose, detail=f"{why}: it is built unproven", advice=advice,
        packages=engine().packages if image is not None else {},
    )  # fmt: skip


def _in_image(image: str, settings: BuildSettings) -> str:
    try:
        here = is_here(open_engine(settings), image)
    except ToolError:
        here = False
    return f"in the image {image}" + ("" if here else ", which has to be pulled")
