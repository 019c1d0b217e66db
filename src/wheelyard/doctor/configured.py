"""What a configuration needs of this machine: for each of its targets, what proves, compiles and repairs it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator

from wheelyard.config.model import Config
from wheelyard.doctor import places
from wheelyard.doctor.model import Finding
from wheelyard.domain.target import Target
from wheelyard.targets import interpreters, presets

CROSS = "pip install 'wheelyard[cross]'"


def examine_for(config: Config) -> tuple[Finding, ...]:
    """Look for what the targets of a configuration need, without changing anything and without the network."""
    engine = places.engine()
    return tuple(finding for target in config.targets for finding in _of_target(target, engine))


def _of_target(target: Target, engine: Finding) -> Iterator[Finding]:
    yield _proof(target, engine)
    if target.build.image is not None:
        yield _needs_engine(f"{target.name}: image", f"builds in {target.build.image}", engine)
    if target.build.toolchain == "zig":
        there = shutil.which("zig") or importlib.util.find_spec("ziglang")
        yield _module(f"{target.name}: zig", "compiles for it", "zig", there=bool(there))
    if target.platform.startswith("macosx_"):
        tool = "delocate" if sys.platform == "darwin" else "repairwheel"
        there = importlib.util.find_spec(tool)
        yield _module(f"{target.name}: {tool}", "repairs its wheels", tool, there=bool(there))


def _module(name: str, purpose: str, tool: str, *, there: bool) -> Finding:
    return Finding(
        name=name,
        status="ok" if there else "missing",
        purpose=purpose,
        detail=f"{tool} is here" if there else f"no {tool}",
        advice="" if there else CROSS,
    )


def _needs_engine(name: str, purpose: str, engine: Finding) -> Finding:
    return Finding(
        name=name,
        status=engine.status,
        purpose=purpose,
        detail=engine.detail,
        packages=engine.packages,
        advice=engine.advice,
    )


def _proof(target: Target, engine: Finding) -> Finding:
    """Say where the folder will be proven: in the image of its hosts, or with a Python of this machine."""
    name, purpose = f"{target.name}: proof", "installs and imports the folder once"
    if target.build.host_image is not None:
        return _needs_engine(name, f"{purpose}, in {target.build.host_image}", engine)
    interpreter = interpreters.find(target)
    if interpreter is not None and interpreters.runs_here(interpreter, target):
        return Finding(name=name, status="ok", purpose=purpose, detail=f"by {interpreter.path}")
    why = f"no {target.implementation} {target.python} here that stands for it"
    image = presets.host_image(target)
    if image is not None and engine.status == "ok":
        return Finding(name=name, status="ok", purpose=purpose, detail=f"in the image {image}, which has to be pulled")
    advice = f"pyenv install {target.python}, or name an image of such hosts: host-image"
    if image is not None:
        advice = f"a container engine would prove it in {image}; or {advice}"
    return Finding(
        name=name, status="partial", purpose=purpose, detail=f"{why}: it is built unproven", advice=advice,
        packages=engine.packages if image is not None else {},
    )  # fmt: skip
