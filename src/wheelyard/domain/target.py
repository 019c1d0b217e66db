"""A target: what a wheel must run on; and, apart from that, how it is built for and what is shipped with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildHost:
    """Where, and with what, wheels for a target are built and proven."""

    interpreter: str | None = None
    """Path of an interpreter on this machine that stands for the target's Python; None: looked for."""
    image: str | None = None
    """Container image to build in; None: a preset's, or none (the local sandbox)."""
    host_image: str | None = None
    """Plain container image, without compilers, to prove in; None: prove where ``interpreter`` is."""
    toolchain: str | None = None
    """``zig`` for cross compilation; None: the compiler of the machine or the image."""
    sdk: str | None = None
    """Archive (.tar.*) of a CPython for the target, for its headers; None: made from this machine's."""
    sdk_sha256: str | None = None
    libraries: str | None = None
    """Folder of the target's own libraries, for a cross build: ``include/`` and ``lib/``; what is used is grafted."""
    apple_sdk: str | None = None
    """Folder of Apple's SDK, for frameworks; None: only the system library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedPython:
    """A relocatable CPython for hosts whose own is too old or not there."""

    archive: str
    """Path of a .tar.*."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What is shipped with the wheels of a target."""

    python: CarriedPython | None = None
    """None: hosts have their own."""
    pip: bool | None = None
    """Whether the folder carries pip; None: if a wheel needs a newer one than the host's, or ``lacks_pip`` says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a wheel must run on; gives a marker environment and an ordered tag list (see ``wheelyard.targets.tags``)."""

    name: str
    """``[a-z0-9_-]+``: also the name of the target's folder."""
    python: str
    """``X.Y``, with ``t`` behind it for a free-threaded build."""
    python_full: str
    """``X.Y.Z``: what ``python_full_version`` is in markers; ``X.Y.0`` where nobody knows better."""
    platform: str
    """The newest platform tag the host accepts: ``manylinux_2_34_x86_64``, ``musllinux_1_2_aarch64``,
    ``macosx_11_0_arm64``, ``linux_x86_64``."""
    implementation: str = "cpython"
    pip: str | None = None
    """Version of the pip that the host has; None: whatever is newest for its Python."""
    cpu_level: str | None = None
    """The instruction level that every host has: ``x86-64-v2``; None: what every CPU of the platform has."""
    externally_managed: bool = False
    """Whether the hosts' Python is marked as the system's alone, or may be (PEP 668): pip changes only virtual
    environments there."""
    lacks_pip: bool = False
    """Whether the hosts' Python comes without pip and without ``ensurepip``."""
    preset: str | None = None
    """The preset it was made from (``el9``), which knows images; see ``wheelyard.targets.presets``."""
    build: BuildHost = BuildHost()
    """How to build for it."""
    carried: Carried = Carried()
    """What to ship with its wheels."""

    @property
    def version_info(self) -> tuple[int, int]:
        """The Python version as two numbers."""
        major, minor = self.python.removesuffix("t").split(".")
        return int(major), int(minor)

    @property
    def machine(self) -> str:
        """The CPU: ``x86_64``, ``aarch64``, ``arm64``, …"""
        for known in ("x86_64", "aarch64", "arm64", "universal2", "ppc64le", "s390x", "i686", "armv7l", "riscv64"):
            if self.platform.endswith("_" + known):
                return known
        return self.platform.rpartition("_")[2]
