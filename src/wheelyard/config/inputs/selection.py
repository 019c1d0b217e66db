"""Which parts of a project are wanted beside its own dependencies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from wheelyard.domain.errors import ConfigError
from wheelyard.schema.problems import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Extras and dependency groups, as the user writes them."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    """Entries of another package manager's list that are not wanted, as it writes them."""

    def check(self, where: str, *, extras: Iterable[str], groups: Iterable[str], entries: Iterable[str] = ()) -> None:
        """Compare with what a file has.

        :raises ConfigError: for the first that the file does not have, with the nearest that it has.
        """
        parts = (
            ("extra", "extras", self.extras, set(extras)),
            ("group", "groups", self.groups, set(groups)),
            ("entry", "entries to leave out", self.leave_out, set(entries)),
        )
        for kind, kinds, asked, there in parts:
            known = {canonicalize_name(interpreter) for interpreter in there}
            for name in asked:
                if canonicalize_name(name) not in known:
                    hint = nearest(name, there) or f"it has no {kinds}"
                    raise ConfigError(f"no {kind} {name!r}", where=where, hint=hint)

    @property
    def extra_names(self) -> frozenset[str]:
        """The extras, normalised."""
        return frozenset(canonicalize_name(extra) for extra in self.extras)

    @property
    def group_names(self) -> frozenset[str]:
        """The groups, normalised."""
        return frozenset(canonicalize_name(group) for group in self.groups)


ALL_DEFAULT = Selection()
"""Nothing beside a project's own dependencies."""
