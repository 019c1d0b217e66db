"""Dependencies that are not what packages say: overridden, or left out (uv's ``override-dependencies``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from wheelyard.domain.requirement import parse_requirement

_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']+)["']""")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What stands in for whatever anybody asks of some names."""

    instead: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """PEP 508 lines by normalised name."""
    excluded: frozenset[str] = frozenset()
    """Normalised names that nobody gets."""

    @classmethod
    def of(cls, lines: Iterable[str], excluded: Iterable[str] = ()) -> Overrides:
        """Return the overrides of PEP 508 lines."""
        instead: dict[str, tuple[str, ...]] = {}
        for line in lines:
            name = canonicalize_name(parse_requirement(line).name)
            instead[name] = (*instead.get(name, ()), line)
        return cls(instead, frozenset(excluded))

    def __bool__(self) -> bool:
        """Whether anything is not as packages say."""
        return bool(self.instead or self.excluded)

    def applied(self, line: str) -> Iterator[str]:
        """Yield what stands for a dependency: itself, its overrides, or nothing.

        An override takes the place of version, extras and marker; what an extra asks for stays its (as in uv).

        :raises InvalidRequirement: if the line is none.
        """
        asked = parse_requirement(line)
        name = canonicalize_name(asked.name)
        if name in self.excluded:
            return
        if name not in self.instead:
            yield line
            return
        extras = " or ".join(f'extra == "{extra}"' for extra in _EXTRA.findall(str(asked.marker or "")))
        for other in self.instead[name]:
            parsed = parse_requirement(other)
            markers = [f"({each})" for each in (extras, str(parsed.marker or "")) if each]
            parsed.marker = None
            yield f"{parsed} ; {' and '.join(markers)}" if markers else str(parsed)
