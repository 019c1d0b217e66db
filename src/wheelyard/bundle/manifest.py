"""Writing the manifest: the one list of every file of a wheelhouse, which is what gets signed.

Its format is described where it is read, in ``wheelyard.host.manifest``. A publisher needs one call, after everything
else lies in place::

    manifest.update(root, targets=[TargetInfo(...)], channel="wheelhouse", known={"files/a.whl": sha256})

It lists what is in ``root``, and takes the next sequence number if anything changed since the manifest that is there.
What a host needs to choose its folder (``TargetInfo``) is in the manifest only: there is no file a target besides.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from wheelyard import __version__
from wheelyard.domain.errors import ConfigError, VerificationError
from wheelyard.host.manifest import (
    BUNDLE,
    MANIFEST,
    MAX_MANIFEST,
    SIGNATURE,
    FileEntry,
    Manifest,
    TargetInfo,
    digest_of,
    dump_manifest,
    load_manifest,
)
from wheelyard.host.refusal import Refused
from wheelyard.io import files

__all__ = [
    "RELEASED",
    "SIGNATURE",
    "FileEntry",
    "Manifest",
    "TargetInfo",
    "build",
    "dump_manifest",
    "follow_release",
    "load_manifest",
    "read",
    "release",
    "release_note",
    "released",
    "restamp",
    "timestamp",
    "update",
    "write",
]

TOOL = f"wheelyard {__version__}"
RELEASED = ".released"
GENERATION = "assets/generation.css"
"""What every page has the generation's number from: the sequence of the manifest that lists it. A style sheet works
without a script and from a disk; as it is one file, no page changes because another one did."""
_UNLISTED = frozenset({MANIFEST, SIGNATURE, BUNDLE})


def kind_of(path: str) -> str:
    """Return the kind of a file from its path in the wheelhouse."""
    name = path.rpartition("/")[2]
    top = path.partition("/")[0]
    endings = {
        ".whl": "wheel",
        ".metadata": "metadata",
        "-variants.json": "metadata",
        ".tar.gz": "sdist",
        ".zip": "sdist",
    }
    if top == "python":
        return "python"
    if "/" not in path and name in {"sbom.cdx.json", "licenses.html", "report.html", "provenance.json"}:
        return "paper"
    if name in {"install.py", "import.py"}:
        return "installer"
    if name in {"requirements.txt", "pylock.toml"}:
        return "lock"
    for ending, kind in endings.items():
        if name.endswith(ending):
            return kind
    return "page" if name.endswith((".html", ".json", ".css", ".js", ".svg")) else "other"


def timestamp(seconds: int | None = None) -> str | None:
    """Return seconds since 1970 (UTC), or ``SOURCE_DATE_EPOCH`` where None, as ``2026-01-31T00:00:00Z``.

    None where neither is given: the clock is never read.

    :raises ConfigError: if ``SOURCE_DATE_EPOCH`` is not a number.
    """
    if seconds is None:
        given = os.environ.get("SOURCE_DATE_EPOCH")
        if not given:
            return None
        try:
            seconds = int(given)
        except ValueError:
            raise ConfigError("SOURCE_DATE_EPOCH is not a number", where=given) from None
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def walk(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield path and status of every file below ``root``; names that begin with a dot are left out.

    :raises VerificationError: for anything that is neither a file nor a folder.
    """
    with os.scandir(root) as found:
        for entry in sorted(found, key=lambda each: each.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                for below, status in walk(root / entry.name):
                    yield f"{entry.name}/{below}", status
            elif entry.is_file(follow_symlinks=False):
                yield entry.name, entry.stat(follow_symlinks=False)
            else:
                raise VerificationError("neither a file nor a folder", where=str(root / entry.name))


def build(
    root: Path,
    *,
    targets: Iterable[TargetInfo] = (),
    channel: str = "wheelhouse",
    sequence: int = 1,
    created: str | None = None,
    expires: str | None = None,
    previous: str | None = None,
    known: Mapping[str, str] | None = None,
    chosen: Callable[[str], bool] | None = None,
) -> Manifest:
    """List a wheelhouse.

    :param targets: in the admin's order of preference: a host takes the first folder among equals.
    :param known: path → sha256 of files that were hashed already; every other file is read once, and hard links of
        one file only once together.
    :param chosen: which paths to list; None: all.
    :raises VerificationError: if there is a symlink or device, or a name that not every system can keep.
    """
    known = known or {}
    seen: dict[tuple[int, int], str] = {}
    listed: list[FileEntry] = []
    for path, status in walk(root):
        if path in _UNLISTED or (chosen is not None and not chosen(path)):
            continue
        inode = (status.st_dev, status.st_ino)
        digest = known.get(path) or seen.get(inode) or files.sha256(root / path)
        if status.st_nlink > 1:
            seen[inode] = digest
        listed.append(FileEntry(path=path, size=status.st_size, sha256=digest, kind=kind_of(path)))
    made = Manifest(
        channel=channel,
        sequence=sequence,
        created=created,
        expires=expires,
        previous=previous,
        targets=tuple(targets),
        files=tuple(sorted(listed, key=lambda entry: entry.path)),
        tool=TOOL,
    )
    with naming_errors():
        return load_manifest(dump_manifest(made))  # what we write, every host must be able to read


@contextlib.contextmanager
def naming_errors() -> Iterator[None]:
    """Turn a refusal of the offline side's code into Wheelyard's own error."""
    try:
        yield
    except Refused as refused:
        raise VerificationError(refused.message, where=refused.where or None, hint=refused.hint or None) from None


def read(root: Path) -> tuple[Manifest, bytes]:
    """Return the manifest of a wheelhouse (or a manifest file itself) and its bytes; signatures are not looked at.

    :raises VerificationError: if there is none, or it is damaged.
    """
    path = root / MANIFEST if root.is_dir() else root
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_MANIFEST + 1)
    except FileNotFoundError:
        raise VerificationError("there is no manifest", where=str(path)) from None
    with naming_errors():
        return load_manifest(content), content


def generation_css(sequence: int) -> bytes:
    """Return the style sheet that shows a generation's number."""
    return f'.generation::after {{ content: ", generation {sequence}"; }}\n'.encode()


def numbered(manifest: Manifest) -> Manifest:
    """Return the manifest with the style sheet of its own number among its files, if it lists one."""
    content = generation_css(manifest.sequence)
    sheet = FileEntry(path=GENERATION, size=len(content), sha256=digest_of(content), kind=kind_of(GENERATION))
    return manifest._replace(files=tuple(sheet if entry.path == GENERATION else entry for entry in manifest.files))


def write(root: Path, manifest: Manifest) -> Manifest:
    """Put the manifest into the wheelhouse, with its number for the pages; a signature of other bytes is removed.

    :returns: the manifest as it lies there.
    :raises StorageError: if it cannot be written.
    """
    manifest = numbered(manifest)
    if any(entry.path == GENERATION for entry in manifest.files):
        files.write(root / GENERATION, generation_css(manifest.sequence))
    content = dump_manifest(manifest)
    place = root / MANIFEST
    changed = not place.is_file() or place.read_bytes() != content
    if changed:
        # A signature that does not fit is worse than none. Removed first: never a moment with the wrong pair.
        (root / SIGNATURE).unlink(missing_ok=True)
        files.write(place, content)
    return manifest


def release_note(root: Path) -> str:
    """Return what is noted, as ``RELEASED``, when the manifest of a wheelhouse leaves the house."""
    return digest_of((root / MANIFEST).read_bytes()) + "\n"


def release(root: Path) -> None:
    """Note that the manifest of a wheelhouse has left the house."""
    files.write(root / RELEASED, release_note(root))


def released(root: Path) -> str | None:
    """Return the sha256 of the manifest of a wheelhouse that left the house last, None if none did."""
    noted = root / RELEASED
    return noted.read_text().strip() if noted.is_file() else None


def follow_release(root: Path, base: str | None = None) -> Manifest:
    """Let the manifest of a wheelhouse follow the one that left the house last, and return it.

    Between two bundles a wheelhouse may be published many times. The other side knows only what was carried: where
    ``previous`` is what it has, it need not suspect a missing bundle.

    :param base: sha256 of the manifest to follow instead: what a delta is against.
    """
    before, content = read(root)
    carried = base or released(root)
    if carried in (None, before.previous, digest_of(content)):
        return before
    made = before._replace(sequence=before.sequence + 1, previous=carried)
    return write(root, made)


def update(
    root: Path,
    *,
    targets: Iterable[TargetInfo] = (),
    channel: str | None = None,
    created: str | None = None,
    expires: str | None = None,
    known: Mapping[str, str] | None = None,
    chosen: Callable[[str], bool] | None = None,
) -> Manifest:
    """List the wheelhouse again and write the manifest; the same content keeps manifest, sequence and signature.

    :param channel: None: the one that the manifest has; a new wheelhouse gets one of its own, after what it holds, so
        that no two are taken for one another where both are imported.
    :param created: as ``timestamp`` makes it; None: from ``SOURCE_DATE_EPOCH``, else left out.
    :param chosen: as for ``build``.
    """
    before: Manifest | None = None
    sequence: int = 1
    previous: str | None = None
    if (root / MANIFEST).is_file():
        before, content = read(root)
        channel = channel or before.channel
        if before.channel == channel:  # another channel starts its own count
            sequence, previous = before.sequence + 1, digest_of(content)
    created = created or timestamp()
    made = build(
        root,
        targets=targets,
        channel=channel or "wheelhouse",
        sequence=sequence,
        created=created,
        expires=expires,
        previous=previous,
        known=known,
        chosen=chosen,
    )
    if channel is None:
        made = made._replace(channel=f"wheelhouse-{digest_of(dump_manifest(made._replace(created=None)))[:8]}")
    there = (before.files, before.targets, before.channel) if before is not None else None
    same = (made.files, made.targets, made.channel) == there
    if before is not None and same and expires in (None, before.expires):
        return before
    return write(root, made)


def restamp(root: Path, *, created: str | None, expires: str | None) -> Manifest:
    """Give the manifest of a wheelhouse other times, under the next sequence number; return it.

    :raises VerificationError: if there is no manifest.
    """
    before, content = read(root)
    if (created or before.created, expires) == (before.created, before.expires):
        return before
    made = before._replace(
        created=created or before.created,
        expires=expires,
        sequence=before.sequence + 1,
        previous=digest_of(content),
        tool=TOOL,
    )
    return write(root, made)
