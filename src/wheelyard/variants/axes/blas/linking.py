"""What pkg-config says of a variant's BLAS, for builds that do not ask it themselves."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace

from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Command
from wheelyard.domain.errors import VariantError
from wheelyard.sandbox.paths import SYSTEM_PATH
from wheelyard.sandbox.workspace import Workspace

_OPTIONS = {"blas-cflags": "--cflags", "blas-libs": "--libs", "blas-list": "--libs"}


def expand_pkgconfig(place: Workspace) -> Recipe:
    """Return the recipe of a build with ``{blas-cflags}``, ``{blas-libs}`` and ``{blas-list}`` filled in.

    :param place: where pkg-config is asked: only there the BLAS is known.
    :raises VariantError: if pkg-config is not there, or does not know the BLAS.
    """
    recipe = place.recipe
    every = [
        *recipe.environment.values(),
        *(word for setting in recipe.config_settings.values() for word in _words(setting)),
    ]
    wanted = [name for name in _OPTIONS if any(f"{{{name}}}" in text for text in every)]
    if not wanted:
        return recipe
    words = {name: _ask(place, _OPTIONS[name]) for name in wanted}
    if "blas-list" in words:
        words["blas-list"] = ";".join(shlex.split(words["blas-list"]))
    settings = {
        name: _fill(each, words) if isinstance(each, str) else tuple(_fill(word, words) for word in each)
        for name, each in recipe.config_settings.items()
    }
    environment = {name: _fill(text, words) for name, text in recipe.environment.items()}
    return replace(recipe, environment=environment, config_settings=settings)


def _words(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _fill(text: str, words: Mapping[str, str]) -> str:
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", word)
    return text


def _ask(place: Workspace, option: str) -> str:
    done = place.sandbox.run(
        Command(
            argv=("pkg-config", option, *place.recipe.pkg_config),
            cwd=place.root,
            # Not the environment's own programs: until the first hook, nothing of other people's has run.
            env={**place.environment(), "PATH": SYSTEM_PATH},
            readable=place.readable,
            writable=(place.root,),
            limits=place.limits,
            log=place.log,
        )
    )
    if done.returncode != 0:
        raise VariantError(
            f"pkg-config does not tell how the BLAS is linked: {done.output.strip()[-300:]}",
            where=place.package,
            hint="is pkg-config in the image?",
            log=place.log,
        )
    return done.output.strip()
