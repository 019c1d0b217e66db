"""Names in the configuration that nothing in a lock has: most often a slip of the pen."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from wheelyard.config.model import Config
from wheelyard.domain.lock import Lock, with_build_requirements

_ALL = ":all:"


def unused_names(config: Config, locks: Iterable[Lock]) -> Iterator[str]:
    """Yield a sentence for each name of a rule (``[packages.NAME]``, ``only-binary``, …) or variant that no lock has.

    :param locks: of all targets; what is needed to build their sdists counts too.
    """
    known = {requirement.name for lock in locks for requirement in with_build_requirements(lock.packages)}
    places = {
        **{name: "[[variant]] packages" for variant in config.variants for name in variant.packages},
        **dict.fromkeys(config.no_binary, "no-binary"),
        **dict.fromkeys(config.only_binary, "only-binary"),
        **{name: f"[packages.{name}]" for name in config.packages},
    }
    for name, place in sorted(places.items()):
        if name not in known and name != _ALL:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"{config.path.name}: {place}: nothing in a lock is named {name}{hint}"
