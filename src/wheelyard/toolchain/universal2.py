"""``universal2`` with a compiler for one CPU at a time: a build for each kind of Mac, and their wheels fused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.domain.build import Recipe
from wheelyard.domain.target import Target
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.sandbox.workspace import Workspace
from wheelyard.targets import platforms
from wheelyard.toolchain.protocol import Toolchain

_OLDEST_ARM = (11, 0)


def parts(target: Target) -> tuple[Target, ...]:
    """Return the targets whose wheels are fused for a target, Intel first; none where nothing has to be fused.

    ``libraries`` may have a folder for each CPU; else the same, universal ones are for both.
    """
    platform = platforms.parse(target.platform)
    if target.build.toolchain != "zig" or platform.cpu != "universal2":
        return ()
    found = []
    for cpu in platform.cpus:
        version = max(platform.version, _OLDEST_ARM) if cpu == "arm64" else platform.version
        tag = replace(platform, cpu=cpu, version=version).tag
        build = target.build
        if build.libraries and (own := Path(build.libraries, cpu)).is_dir():
            build = replace(build, libraries=str(own))
        found.append(replace(target, name=f"{target.name}-{cpu}", platform=tag, build=build))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedToolchain:
    """The toolchains of both kinds of Mac; backends are asked as ARM's, whose markers a lock for both has."""

    parts: tuple[Toolchain, ...]

    @property
    def python(self) -> Path:
        """The interpreter that hooks run on."""
        return self.parts[-1].python

    @property
    def identity(self) -> str:
        """Those of both."""
        return "; ".join(part.identity for part in self.parts)

    @property
    def image_pin(self) -> str | None:
        """The image of ARM's, if it has one."""
        return self.parts[-1].image_pin

    @property
    def machine(self) -> Target | None:
        """What build requirements run on, the same for both."""
        return self.parts[-1].machine

    def sandbox(self, recipe: Recipe) -> Sandbox:
        """Return ARM's sandbox."""
        return self.parts[-1].sandbox(recipe)

    def libraries(self, place: Workspace, wheel: Path) -> tuple[Path, ...]:
        """Return ARM's."""
        return self.parts[-1].libraries(place, wheel)

    def check(self, wheel: Path, target: Target) -> None:
        """Refuse a fused wheel whose objects would not load on both kinds of Mac."""
        self.parts[-1].check(wheel, target)
