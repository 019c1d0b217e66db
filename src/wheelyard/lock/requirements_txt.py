"""Hash-locked requirements, in the format of pip-compile: read by every pip since 8, and by pip-sync."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wheelyard.domain.lock import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedLine:
    """One package with the files that may be installed for it."""

    name: str
    version: str
    sha256s: Sequence[str]
    extras: Sequence[str] = ()
    via: Sequence[str] = ()


def filename(target: str) -> str:
    """Return the name of a target's requirements file."""
    return f"requirements.{target}.txt"


def dumps(lock: Lock) -> str:
    """Return a lock as requirements; an sdist that is to be built is there with its own hash."""
    header = (f"Locked by wheelyard for {lock.target}; made again by: wheelyard lock",)
    lines = (
        PinnedLine(
            name=package.name,
            version=package.version,
            sha256s=(package.file.sha256,),
            extras=package.extras,
            via=package.via,
        )
        for package in lock.packages
    )
    return render(lines, header=header)


def render(lines: Iterable[PinnedLine], *, header: Sequence[str] = ()) -> str:
    """Return the text of a requirements file; ``header`` becomes comments at its top."""
    text = "".join(f"# {line}\n" for line in header)
    return text + "".join(_entry(line) for line in lines)


def _entry(line: PinnedLine) -> str:
    extras = f"[{','.join(line.extras)}]" if line.extras else ""
    hashes = "".join(f" \\\n    --hash=sha256:{sha256}" for sha256 in sorted(line.sha256s))
    return f"{line.name}{extras}=={line.version}{hashes}\n{_via(line.via)}"


def _via(via: Sequence[str]) -> str:
    # A requirer may be a file name: no line of it may get out of the comment.
    clean = [" ".join(asker.split()) for asker in via]
    if len(clean) == 1:
        return f"    # via {clean[0]}\n"
    return ("    # via\n" + "".join(f"    #   {asker}\n" for asker in clean)) if clean else ""
