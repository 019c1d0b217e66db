"""The compiler and the Python of a container image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.build import Recipe
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.sandbox.container.engine import Engine
from wheelyard.sandbox.container.images import Image, derive, resolve
from wheelyard.sandbox.container.libraries import collect
from wheelyard.sandbox.container.python import find_python, open_engine
from wheelyard.sandbox.container.sandbox import ContainerSandbox
from wheelyard.sandbox.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerToolchain:
    """The image that a target's sdists are built in, and the target's Python in it."""

    engine: Engine
    image: Image
    python: Path
    """The target's interpreter: a path inside."""

    @property
    def identity(self) -> str:
        """What identifies compiler and C library in the build key: the image's digest."""
        return self.image.identity

    @property
    def image_pin(self) -> str:
        """The image by its digest, as a lock pins it."""
        return self.image.pinned

    @property
    def machine(self) -> None:
        """The target itself."""

    def sandbox(self, recipe: Recipe) -> ContainerSandbox:
        """Return the sandbox for a package, its ``image-packages`` installed (once, whoever asks for the same).

        :raises ToolError: if they cannot be installed.
        """
        return ContainerSandbox(engine=self.engine, image=derive(self.engine, self.image, recipe.image_packages))

    def libraries(self, place: Workspace, wheel: Path) -> tuple[Path, ...]:
        """Return a folder with those of the image that the wheel loads."""
        return collect(place, wheel)

    def check(self, wheel: Path, target: Target) -> None:
        """Do nothing: what is compiled in an image is proven in one."""


def find_toolchain(settings: BuildSettings, target: Target, image: str) -> ContainerToolchain:
    """Return the container that a target's sdists are built in; the image is pulled where it must be.

    :param image: name of the builder image; see :func:`wheelyard.targets.presets.builder_image`.
    :raises ToolError: if there is no engine, no such image, or no such Python in it.
    """
    engine = open_engine(settings)
    found = resolve(engine, image, target.machine)
    python, _ = find_python(engine, found, target)
    return ContainerToolchain(engine=engine, image=found, python=Path(python.path))
