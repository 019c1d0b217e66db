"""A target's own compilers: in an image of its own kind, or on this machine."""

from __future__ import annotations

from pathlib import Path

from wheelyard.domain.errors import ToolError
from wheelyard.domain.events import Warned
from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.target import Target
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms, presets
from wheelyard.targets.here import from_interpreter, this_machine
from wheelyard.targets.interpreters import find as find_interpreter
from wheelyard.toolchain.apple import AppleToolchain
from wheelyard.toolchain.container import find_toolchain
from wheelyard.toolchain.identity import local_toolchain
from wheelyard.toolchain.local import LocalToolchain
from wheelyard.toolchain.protocol import Means, Toolchain


def needs(target: Target, store: Store) -> tuple[RemoteFile, ...]:  # noqa: ARG001  (a finder's signature)
    """Return nothing: images come from their registry."""
    return ()


def find(target: Target, means: Means) -> Toolchain:
    """Return a target's own image or machine as its toolchain.

    Its own image if it names one; else, unless the configuration says which, the preset's builder image where an
    engine has it and this machine's C library is too new; else this machine.

    :raises ToolError: if there is neither an image nor an interpreter for the target.
    """
    settings = means.settings
    image = means.pinned(target, target.build.image or presets.builder_image(target))
    if target.build.image is not None or settings.sandbox == "container":
        if image is None:
            raise ToolError("no image is known for it", where=f"target {target.name}", hint='write: image = "…"')
        return find_toolchain(settings, target, image)
    interpreter = find_interpreter(target)
    if image is not None and settings.sandbox == "auto" and not (interpreter and _native(target)):
        try:
            return find_toolchain(settings, target, image)
        except ToolError as error:
            if interpreter is None:
                raise ToolError(
                    f"there is no {target.implementation} {target.python} here, and no container: {error}",
                    where=f"target {target.name}",
                    hint="install that Python, or an engine (see `wheelyard doctor`)",
                ) from error
            means.report(Warned(message=f"target {target.name}: compiled on this machine, as {error}"))
    if interpreter is None:
        raise ToolError(
            f"there is no {target.implementation} {target.python} here to build with",
            where=f"target {target.name}",
            hint="install that Python, or name an image to build in (see `wheelyard doctor`)",
        )
    here = LocalToolchain(python=Path(interpreter.path), identity=local_toolchain(), local=means.local_sandbox())
    if {platforms.parse(tag).family for tag in (interpreter.platform, target.platform)} == {"macosx"}:
        return AppleToolchain(target=target, native=here, here=from_interpreter(interpreter))
    return here


def _native(target: Target) -> bool:
    """Whether what is compiled here is made for a C library that is no newer than the target's."""
    here, wanted = platforms.parse(this_machine().platform), platforms.parse(target.platform)
    if here.cpu != wanted.cpu:
        return False
    return wanted.family == "linux" or (here.family == wanted.family and here.version <= wanted.version)
