"""What is asked of another registry, from which a build takes something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wheelyard.domain.command import Completed
from wheelyard.domain.prefetched import Prefetched
from wheelyard.store.blobs import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Where a registry's own client is run, and for whom."""

    store: Store
    """What comes is put here under its SHA-256; see ``prefetch.keep``."""
    folder: Path
    """An empty folder of ours."""
    root: Path
    """The folder of ``wheelyard.toml``: clients are run there, so that configuration beside it counts."""
    where: str
    """``name version`` of the sdist, for messages."""


class Registry(Protocol):
    """One kind of registry with its lock files and its client; a module with these is one."""

    NAME: str
    """As ``Prefetched.registry`` has it."""
    BUILDERS: frozenset[str]
    """Normalised names of build requirements that ask for it."""

    def needs(self, source: Path, where: str) -> tuple[Prefetched, ...]:
        """Return what the lock files of a source tree pin, in order; nothing of the tree is run.

        :param where: ``name version`` of the sdist, for messages.
        :raises BuildError: if one of them cannot be read, or pins something without a checksum.
        """
        ...

    def made_locks(self, source: Path, errand: Errand) -> Mapping[str, bytes]:
        """Return the lock files that a source tree lacks, made by the client, by their path in it; the tree is ours.

        :raises ToolError: if there is no client.
        :raises UpstreamError: if it makes none.
        """
        ...

    def fetch(self, packages: Sequence[Prefetched], errand: Errand) -> None:
        """Bring packages into the store by the client, each checked against its checksum; no code of theirs is run.

        :raises ToolError: if there is no client.
        :raises UpstreamError: if one is not to be had.
        :raises HashMismatchError: if one is not what the lock promises.
        """
        ...

    def lay_out(self, blobs: Mapping[Prefetched, Path], root: Path) -> Mapping[str, str]:
        """Put packages where the client finds them without network; return the variables that tell it so.

        :param blobs: copies of what is in the store, hashed just now.
        :param root: the workspace; no code of others has run there yet.
        :raises WheelError: if an archive is damaged or hostile.
        """
        ...


def last_words(done: Completed) -> str:
    """Return what a client said of its failure: from its first error on, in a few lines."""
    lines = [line.rstrip() for line in done.output.splitlines() if line.strip()]
    start = next((number for number, line in enumerate(lines) if "error" in line.lower()), max(0, len(lines) - 12))
    return "\n".join(f"    {line[:400]}" for line in lines[start : start + 12])
