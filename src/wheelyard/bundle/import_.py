"""The intranet side, called from Wheelyard: the work is done by ``wheelyard.host``, which needs nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheelyard.errors import ConfigError, HashMismatchError, StorageError, VerificationError, WheelyardError
from wheelyard.events import JobAdvanced, JobFinished, JobStarted, Reporter, silent
from wheelyard.host import applying, generations, inspecting
from wheelyard.host.applying import Imported
from wheelyard.host.inspecting import Fault
from wheelyard.host.refusal import EXIT_HASH, EXIT_STORAGE, EXIT_USAGE, Refused
from wheelyard.host.trust import DANGERS, Trust, make_trust, read_text

__all__ = [
    "DANGERS",
    "Fault",
    "Imported",
    "TrustOptions",
    "check",
    "generations_of",
    "import_bundle",
    "prune",
    "repair",
    "rollback",
]

_CLASSES = {EXIT_HASH: HashMismatchError, EXIT_STORAGE: StorageError, EXIT_USAGE: ConfigError, 14: VerificationError}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustOptions:
    """Whom to believe, as options say it; None: what was remembered, or the system's."""

    trust: Path | None = None
    revoked: Path | None = None
    threshold: int = 1
    allowed: frozenset[str] = frozenset()
    """Those of ``DANGERS`` that are accepted."""

    def texts(self) -> tuple[str, str]:
        """Return the texts of the two files."""
        return (
            read_text(str(self.trust)) if self.trust else "",
            read_text(str(self.revoked)) if self.revoked else "",
        )


@contextlib.contextmanager
def named_errors() -> Iterator[None]:
    """Turn a refusal into Wheelyard's error of the same exit code; its name stands in brackets behind the message."""
    try:
        yield
    except Refused as refused:
        kind = _CLASSES.get(refused.code, WheelyardError)
        text = f"{refused.message} [{refused.name}]"
        raise kind(text, where=refused.where or None, hint=refused.hint or None) from None


def import_bundle(
    bundles: Sequence[Path], into: Path, options: TrustOptions = TrustOptions(), *, report: Reporter = silent
) -> Imported:
    """Verify a bundle, full or delta, and publish it at ``into / "current"`` in one step.

    :raises VerificationError, HashMismatchError, StorageError: what was published before still is, whole.
    """
    name = bundles[0].name if bundles else ""
    report(JobStarted(stage="import", job=name))

    def progress(path: str, size: int) -> None:
        report(JobAdvanced(stage="import", job=name, bytes=size, note=path))

    with named_errors():
        signers, revoked = options.texts()
        trust = applying.trust_for(str(into), signers, revoked, options.threshold, set(options.allowed))
        done = applying.import_bundle([str(path) for path in bundles], str(into), trust, progress)
    report(JobFinished(stage="import", job=name, outcome="done" if done.new else "reused"))
    return done


def check(paths: Sequence[Path], options: TrustOptions = TrustOptions()) -> tuple[list[Fault], bool]:
    """Return every fault of a wheelhouse, of what is published in a folder, or of a bundle's volumes.

    The second value is whether the signature was looked at: that needs a key, given or remembered.
    """
    with named_errors():
        signers, revoked = options.texts()
        first = paths[0]
        trust = inspecting.trust_beside(str(first), signers, revoked, options.threshold)
        if trust is not None:
            trust = trust._replace(allowed=options.allowed)
        if first.is_dir():
            return inspecting.check_tree(inspecting.wheelhouse_root(str(first)), trust), trust is not None
        return inspecting.check_bundle([str(path) for path in paths], trust), trust is not None


def repair(root: Path, bundles: Sequence[Path], options: TrustOptions = TrustOptions()) -> list[str]:
    """Heal a wheelhouse from a bundle and return the paths that were written or removed.

    :raises VerificationError: if the bundle is not to be believed.
    """
    with named_errors():
        signers, revoked = options.texts()
        trust: Trust | None = inspecting.trust_beside(str(root), signers, revoked, options.threshold)
        trust = (trust or make_trust("", revoked, options.threshold))._replace(allowed=options.allowed)
        place = inspecting.wheelhouse_root(str(root))
        return inspecting.repair_tree(place, [str(path) for path in bundles], trust)


def rollback(into: Path, generation: str | None = None) -> str:
    """Publish an earlier generation (None: the one before) and return its name."""
    with named_errors():
        return generations.roll_back(str(into), generation)


def prune(into: Path, keep: int) -> list[str]:
    """Keep ``keep`` generations, and nothing in them that no manifest lists; return what went."""
    with named_errors():
        return generations.prune_generations(str(into), max(keep, 1))


def generations_of(into: Path) -> tuple[list[str], str | None]:
    """Return the names of the generations, oldest first, and the one that is published."""
    return generations.generation_names(str(into)), generations.current_name(str(into))
