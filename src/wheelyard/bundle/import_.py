"""The intranet side, called from Wheelyard: the work is done by ``wheelyard.host``, which needs nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.errors import HashMismatchError, StorageError, UsageError, VerificationError, WheelyardError
from wheelyard.domain.events import JobAdvanced, JobFinished, JobStarted, Reporter, silent
from wheelyard.host import applying, generations, inspecting
from wheelyard.host.applying import Imported
from wheelyard.host.inspecting import Fault
from wheelyard.host.policy import Policy, put_policy
from wheelyard.host.refusal import EXIT_HASH, EXIT_STORAGE, EXIT_USAGE, Refused
from wheelyard.host.smallfiles import read_text
from wheelyard.host.trust import DANGERS, trust_for

__all__ = [
    "DANGERS",
    "BundleCheck",
    "Fault",
    "Imported",
    "TrustOptions",
    "change_policy",
    "check",
    "examine",
    "generations_of",
    "import_bundle",
    "policy_of",
    "prune",
    "repair",
    "rollback",
]

_CLASSES = {EXIT_HASH: HashMismatchError, EXIT_STORAGE: StorageError, EXIT_USAGE: UsageError, 14: VerificationError}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustOptions:
    """Whom to believe, as options say it; None: what was remembered, or the system's."""

    trust: Path | None = None
    revoked: Path | None = None
    threshold: int | None = None
    """So many different keys must have signed; None: as remembered, at first one."""
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
    bundles: Sequence[Path],
    into: Path,
    options: TrustOptions = TrustOptions(),
    *,
    accept: Callable[[Path], None] | None = None,
    report: Reporter = silent,
) -> Imported:
    """Verify a bundle, full or delta, and publish it at ``into / "current"`` in one step.

    :param accept: judges the verified wheelhouse before it is published; what it raises ends the import.
    :raises VerificationError, HashMismatchError, StorageError: what was published before still is, whole.
    """
    name = bundles[0].name if bundles else ""
    report(JobStarted(stage="import", job=name))

    def progress(path: str, size: int) -> None:
        report(JobAdvanced(stage="import", job=name, bytes=size, note=path))

    with named_errors():
        signers, revoked = options.texts()
        paths = [str(path) for path in bundles]
        done = applying.import_bundle(
            paths,
            str(into),
            signers,
            revoked,
            options.threshold,
            options.allowed,
            progress,
            lambda root: accept(Path(root)) if accept else None,
        )
    report(JobFinished(stage="import", job=name, outcome="done" if done.new else "reused"))
    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleCheck:
    """What was found."""

    faults: tuple[Fault, ...]
    looked: bool
    """Whether the signature was looked at: that needs a key, given or remembered."""
    taken: int = 0
    """Of a delta: the files that are not in it, and must be published where it goes."""

    @property
    def exit_code(self) -> int:
        """That with which an import would end."""
        return inspecting.exit_code(list(self.faults))


def examine(paths: Sequence[Path], options: TrustOptions = TrustOptions()) -> BundleCheck:
    """Find every fault of a wheelhouse, of what is published in a folder, or of a bundle's volumes."""
    with named_errors():
        signers, revoked = options.texts()
        first = paths[0]
        trust = inspecting.trust_beside(str(first), signers, revoked, options.threshold, options.allowed)
        looked = bool(trust.signers)
        known = trust if looked else None
        if first.is_dir():
            found = inspecting.check_tree(inspecting.wheelhouse_root(str(first)), known)
            return BundleCheck(faults=tuple(found), looked=looked)
        faults, taken = inspecting.check_bundle([str(path) for path in paths], known)
        return BundleCheck(faults=tuple(faults), looked=looked, taken=taken)


def check(paths: Sequence[Path], options: TrustOptions = TrustOptions()) -> tuple[list[Fault], bool]:
    """Return the faults that ``examine`` finds, and whether the signature was looked at."""
    found = examine(paths, options)
    return list(found.faults), found.looked


def repair(root: Path, bundles: Sequence[Path], options: TrustOptions = TrustOptions()) -> list[str]:
    """Heal a wheelhouse from a bundle and return the paths that were written or removed.

    :raises VerificationError: if the bundle is not to be believed.
    """
    with named_errors():
        signers, revoked = options.texts()
        trust = inspecting.trust_beside(str(root), signers, revoked, options.threshold, options.allowed)
        place = inspecting.wheelhouse_root(str(root))
        return inspecting.repair_tree(place, [str(path) for path in bundles], trust)


def policy_of(into: Path) -> Policy:
    """Return the policy of trust that holds in an import folder: what is remembered there, and the system's."""
    with named_errors():
        return trust_for(str(into / generations.TRUST)).policy


def change_policy(into: Path, options: TrustOptions) -> Policy:
    """Remember other signers, more revoked keys or another threshold in an import folder, and return the policy."""
    with named_errors():
        signers, revoked = options.texts()
        folder = str(into / generations.TRUST)
        with generations.working_on(str(into)), generations.storage_errors(str(into)):
            policy = trust_for(folder, signers, revoked, options.threshold).policy
            put_policy(folder, policy)
        return policy


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
