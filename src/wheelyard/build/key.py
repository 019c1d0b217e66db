"""The build key: everything that a wheel depends on, as one digest. Same key, same wheel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from wheelyard.domain.build import Recipe
from wheelyard.domain.lock import LockedPackage
from wheelyard.domain.target import Target
from wheelyard.io import files

FORMAT = 4
"""Version of how we build: raised when the same inputs give another wheel."""


def build_key(
    package: LockedPackage,
    target: Target,
    recipe: Recipe,
    toolchain: str,
    *,
    repairer: str = "",
    requires: Sequence[str] = (),
    epoch: int = 315532800,
) -> str:
    """Return the build key: SHA-256 over the canonical JSON of all inputs, patches by their content.

    Names of targets, places of files and order of mappings do not count.

    :param repairer: identity of what repairs the wheel.
    :param requires: build keys of build requirements that are built themselves.
    """
    inputs: dict[str, Any] = {
        "format": FORMAT,
        "name": package.name,
        "version": package.version,
        "sdist": package.file.sha256,
        "expects": package.expects,
        # A wheel counts by its bytes; an sdist by its build key, which is among ``requires``.
        "environment": sorted(
            (requirement.name, requirement.version, file.sha256)
            for requirement in package.build_requirements
            for file in requirement.files
            if file.is_wheel
        ),
        "built environment": sorted(requires),
        "target": [target.python, target.python_full, target.implementation, target.platform, target.build.toolchain],
        "toolchain": toolchain,
        "repairer": repairer,
        # What a wheel was judged by: it is not to be reused where it would be refused.
        "judged by": [target.cpu_level, list(recipe.dispatched)],
        "variables": dict(recipe.environment),
        "settings": {name: _plain(value) for name, value in recipe.config_settings.items()},
        "patches": [files.sha256(patch) for patch in recipe.patches],
        "image packages": sorted(recipe.image_packages),
        "local version": recipe.local_version,
        "variant": dict(recipe.variant),
        "pkg-config": dict(recipe.pkg_config),
        "licences": list(recipe.licences),
        "epoch": epoch,
    }
    if recipe.build_number:
        inputs["build number"] = recipe.build_number
    if package.made_locks:  # what its own lock files pin is in its digest
        inputs["made locks"] = [[file.filename, file.sha256] for file in package.made_locks]
    return _digest(inputs)


def recipe_digest(package: LockedPackage, recipe: Recipe) -> str:
    """Return the SHA-256 of an sdist and what is to be done with it, whatever the tools that do it."""
    inputs = {
        "sdist": package.file.sha256,
        "variables": dict(recipe.environment),
        "settings": {name: _plain(value) for name, value in recipe.config_settings.items()},
        "patches": [files.sha256(patch) for patch in recipe.patches],
        "image packages": sorted(recipe.image_packages),
        "variant": dict(recipe.variant),
        "build number": recipe.build_number,
    }
    return _digest(inputs)


def _digest(inputs: dict[str, Any]) -> str:
    canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: str | tuple[str, ...]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)
