"""Targets that Zig compiles for, and what tests build for them with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.target import BuildHost, Target
from wheelyard.toolchain.zig.toolchain import ZigToolchain

Toolchain = Callable[[Target], ZigToolchain]


Build = Callable[..., BuiltWheel]


def cross(platform: str, python: str = "3.12", **more: str | None) -> Target:
    """A target that is compiled for by Zig."""
    name = f"cp{python.replace('.', '')}-{platform}"
    build = replace(BuildHost(toolchain="zig"), **more)
    return Target(name=name, python=python, python_full=f"{python}.1", platform=platform, build=build)
