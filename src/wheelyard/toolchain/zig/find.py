"""Zig as the compiler of targets that say ``toolchain = "zig"``: in an image, or right here."""

from __future__ import annotations

from dataclasses import replace

from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.target import Target
from wheelyard.store.blobs import Store
from wheelyard.targets import presets
from wheelyard.targets.here import this_machine
from wheelyard.toolchain.protocol import Means, Toolchain
from wheelyard.toolchain.universal2 import FusedToolchain, parts


def needs(target: Target, store: Store) -> tuple[RemoteFile, ...]:
    """Return the SDK, if a URL of it is given."""
    # late: a run without such a target needs no reader of archives
    from wheelyard.toolchain.zig import archive

    return archive.missing(target.build, store)


def find(target: Target, means: Means) -> Toolchain:
    """Return Zig in the target's image, if it names one, else in this machine's builder image, or right here.

    :raises ToolError: if there is no Zig, or no Python of the target's version, or Zig does not compile for it.
    """
    image = target.build.image
    if image is None and means.settings.sandbox == "container":
        image = presets.builder_image(this_machine())
    target = replace(target, build=replace(target.build, image=means.pinned(target, image)))
    if thin := parts(target):
        return FusedToolchain(parts=tuple(_find(half, means) for half in thin))
    return _find(target, means)


def _find(target: Target, means: Means) -> Toolchain:
    # late: nor compilers for other systems
    from wheelyard.toolchain.zig.toolchain import zig_in_image, zig_toolchain

    if target.build.image is not None:
        return zig_in_image(target, means.store, means.settings, target.build.image)
    return zig_toolchain(target, means.store, means.local_sandbox())
