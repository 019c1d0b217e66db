"""Packing a wheelhouse: one plain tar, streamed, the same bytes every time; or volumes of a given size; or a delta.

What is in a volume is worked out from sizes alone, before a byte is read. Every file is read once, and hashed on the
way, so a bundle never carries what the manifest does not say.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from wheelyard.bundle import manifest as manifests
from wheelyard.bundle.manifest import naming_errors
from wheelyard.bundle.members import BLOCK, MOST_VOLUMES, Item, divide, header, items_of
from wheelyard.bundle.sign import sign_bytes
from wheelyard.bundle.splices import Splice, make, older_files, pairs
from wheelyard.domain.errors import ConfigError, HashMismatchError, VerificationError
from wheelyard.domain.events import JobAdvanced, JobFinished, JobStarted, Reporter, StageFinished, StageStarted, silent
from wheelyard.host.manifest import BUNDLE, MANIFEST, SIGNATURE, Manifest, canonical, digest_of
from wheelyard.host.volumes import is_bundle, open_volume
from wheelyard.io import files
from wheelyard.io.temporary import temporary_folder

CARRIED = ("sources/", "wheelyard/")
"""What a wheelhouse carries besides wheels: the sources, and Wheelyard itself."""
_CHUNK = 1 << 20
_AHEAD = 4
_LARGEST_SPLICED = 1 << 30  # bytes: both wheels are in memory while they are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What was written."""

    volumes: tuple[Path, ...]
    manifest: Manifest
    digest: str
    bytes: int
    base: str | None
    removed: tuple[str, ...]
    signed: bool


def _contents(stream: IO[bytes], size: int) -> Iterator[bytes]:
    while size and (block := stream.read(min(size, _CHUNK))):
        size -= len(block)
        yield block


class _Writer:
    """Writes members; hashes in a second thread while the next block is read and written."""

    def __init__(self, root: Path, top: str, report: Reporter) -> None:
        self._root = root
        self._top = top
        self._report = report
        self._hasher = ThreadPoolExecutor(max_workers=1)
        self._pieces: dict[str, hashlib._Hash] = {}

    def close(self) -> None:
        self._hasher.shutdown()

    def small(self, sink: IO[bytes], name: str, content: bytes) -> None:
        sink.write(header(f"{self._top}/{name}", len(content)))
        sink.write(content + bytes(-len(content) % BLOCK))

    def item(self, sink: IO[bytes], item: Item, volume: str) -> None:
        sink.write(item.head(self._top))
        if item.link is not None:
            return
        if item.payload is not None:
            with item.payload.open("rb") as payload:
                shutil.copyfileobj(payload, sink, _CHUNK)
            sink.write(bytes(-item.size % BLOCK))
            return
        path = self._root / item.entry.path
        state = hashlib.sha256() if item.offset == 0 else self._pieces[item.entry.sha256]
        waiting: list[Future[None]] = []
        written = 0
        try:
            with path.open("rb") as stream:
                stream.seek(item.offset)
                for block in _contents(stream, item.size):
                    waiting.append(self._hasher.submit(state.update, block))
                    if len(waiting) > _AHEAD:
                        waiting.pop(0).result()
                    sink.write(block)
                    written += len(block)
                    self._report(JobAdvanced(stage="pack", job=volume, bytes=len(block)))
                longer = item.offset + item.size == item.entry.size and stream.read(1) != b""
        except FileNotFoundError:
            raise _changed(path, "is missing") from None
        for future in waiting:
            future.result()
        self._pieces[item.entry.sha256] = state
        done = item.offset + item.size == item.entry.size
        if written != item.size or longer or (done and state.hexdigest() != item.entry.sha256):
            raise _changed(path, "is not what the manifest says")
        sink.write(bytes(-item.size % BLOCK))


def _changed(path: Path, what: str) -> HashMismatchError:
    return HashMismatchError(f"the file {what}", where=str(path), hint="run wheelyard build again, then pack")


def base_manifest(since: Path) -> tuple[Manifest, str]:
    """Return the manifest that a delta is against, and its sha256: of a bundle, a wheelhouse or a manifest file.

    :raises VerificationError: if it cannot be read.
    """
    with naming_errors():
        if is_bundle(str(since)):
            content = open_volume(str(since)).content
            return manifests.load_manifest(content), digest_of(content)
    found, content = manifests.read(since)
    return found, digest_of(content)


def only_targets(root: Path, whole: Manifest, names: Sequence[str]) -> Manifest:
    """Return the manifest of a wheelhouse that has only some target folders (``rhel9``, ``rhel9.v3``, or ``rhel9.*``).

    The pages over all targets would list what is not there, so they stay behind; each folder has its own.

    :raises ConfigError: if a name is not a target of the wheelhouse.
    """
    chosen = [
        target for target in whole.targets if target.folder in names or f"{target.folder.partition('.')[0]}.*" in names
    ]
    found = {target.folder for target in chosen} | {f"{target.folder.partition('.')[0]}.*" for target in chosen}
    if missing := sorted(set(names) - found):
        there = ", ".join(target.folder for target in whole.targets)
        raise ConfigError(f"no such target: {', '.join(missing)}", where=str(root), hint=f"there are: {there}")
    labelled = [f"{name.removesuffix('*')}variants" for name in names if name.endswith(".*")]
    folders = tuple(f"targets/{name}/" for name in (*(target.folder for target in chosen), *labelled))
    needed = {entry.sha256 for entry in whole.files if entry.path.startswith(folders)}
    wheels = {entry.path for entry in whole.files if entry.path.startswith("files/") and entry.sha256 in needed}
    archives = {target.python_archive for target in chosen}
    kept = tuple(
        entry
        for entry in whole.files
        if entry.path.startswith(folders)
        or entry.path in wheels
        or entry.path.removesuffix(".metadata") in wheels
        or entry.path in archives
        or entry.path.startswith(CARRIED)
        or ("/" not in entry.path and entry.kind != "page")
    )
    return whole._replace(targets=tuple(chosen), files=kept)


@contextlib.contextmanager
def _splices(root: Path, whole: Manifest, base: Manifest | None, since: Path | None) -> Iterator[dict[str, Splice]]:
    """Yield sha256 → splice for each new wheel that is better carried so."""
    if base is None or since is None:
        yield {}
        return
    wanted = pairs(whole, base)
    places = {entry.sha256: root / entry.path for entry in whole.files if entry.sha256 in wanted}
    found: dict[str, Splice] = {}
    with temporary_folder("pack") as folder, naming_errors():
        with older_files(since, wanted) as older:
            for digest, entry in wanted.items():
                if entry.sha256 in older and max(entry.size, places[digest].stat().st_size) <= _LARGEST_SPLICED:
                    old, payload = older[entry.sha256], folder / digest
                    if splice := make(old, entry.sha256, places[digest], digest, payload):
                        found[digest] = splice
        yield found


def _write_volumes(
    root: Path,
    output: Path,
    top: str,
    parts: Sequence[Sequence[Item]],
    heads: Sequence[tuple[str, bytes]],
    described: Callable[[int, int], bytes],
    numbered: bool,
    report: Reporter,
) -> list[Path]:
    """Write the volumes under hidden names, all or none, and return the names that they are to have."""
    report(StageStarted(stage="pack", jobs=len(parts), bytes=sum(item.size for part in parts for item in part)))
    writer = _Writer(root, top, report)
    written: list[Path] = []
    try:
        for number, part in enumerate(parts, 1):
            path = volume_name(output, number, len(parts)) if numbered else output
            report(JobStarted(stage="pack", job=path.name, bytes=sum(item.size for item in part)))
            with files.replacing(_hidden(path)) as sink:
                for name, data in ((BUNDLE, described(number, len(parts))), *heads):
                    writer.small(sink, name, data)
                for item in part:
                    writer.item(sink, item, path.name)
                sink.write(bytes(2 * BLOCK))
            written.append(path)
            report(JobFinished(stage="pack", job=path.name, outcome="done"))
    except BaseException:
        for path in written:
            _hidden(path).unlink(missing_ok=True)
        raise
    finally:
        writer.close()
    report(StageFinished(stage="pack"))
    return written


def _hidden(path: Path) -> Path:
    """Return the name of a volume that nobody is to carry yet; the next run takes what a killed one left there."""
    return path.with_name(f".{path.name}.new")


def follow(
    root: Path, *, keys: Sequence[Path] = (), since: Path | None = None, targets: Sequence[str] = ()
) -> Manifest:
    """Let the manifest of a wheelhouse follow what the other side has, as far as it may still be signed; return it.

    What decides anything has to be signed: a delta is against what its manifest calls ``previous``.

    :raises ConfigError: if it is signed already, follows something else, and there is no key to sign it again.
    :raises VerificationError: if ``since`` is of another channel.
    """
    whole, content = manifests.read(root)
    base, base_digest = base_manifest(since) if since else (None, None)
    if base is not None and base.channel != whole.channel:
        raise VerificationError(f"of channel {base.channel}, not {whole.channel}", where=str(since))
    if keys or not (root / SIGNATURE).is_file():  # what is signed already is carried as it is
        return whole if targets else manifests.follow_release(root, base_digest)
    if base_digest not in (None, whole.previous, digest_of(content)) and not targets:
        raise ConfigError(
            "the signed manifest does not follow this one, so the other side would refuse the delta",
            where=str(since),
            hint="sign it again, with --key",
        )
    return whole


@contextlib.contextmanager
def written(
    root: Path,
    output: Path,
    *,
    keys: Sequence[Path] = (),
    since: Path | None = None,
    targets: Sequence[str] = (),
    volume_size: int | None = None,
    report: Reporter = silent,
) -> Iterator[Packed]:
    """Write the bundle of a wheelhouse as it is, with the signature that it has; nothing in that is changed.

    The bundle is whole on the disk, and gets its name when the block ends without an error: none is to be carried
    whose wheelhouse is not published yet.

    :param keys: with ``targets`` only: they sign a manifest of these.
    :raises HashMismatchError: if a file is not what the manifest says; nothing is written then.
    """
    whole, content = manifests.read(root)
    base, base_digest = base_manifest(since) if since else (None, None)
    if targets:
        whole = only_targets(root, whole, targets)
        whole = whole._replace(previous=base_digest or whole.previous)
        content = manifests.dump_manifest(whole)
        signature = "".join(sign_bytes(content, key) for key in keys)
    else:
        place = root / SIGNATURE
        signature = place.read_text() if place.is_file() else ""
    top = f"{whole.channel}-{whole.sequence}"
    heads = [(MANIFEST, content), *([(SIGNATURE, signature.encode())] if signature else [])]
    removed = tuple(sorted({e.path for e in base.files} - {e.path for e in whole.files})) if base else ()

    def described(number: int, count: int) -> bytes:
        return canonical({"base": base_digest, "format": 1, "volume": number, "volumes": count})

    fixed = sum(len(header(f"{top}/{name}", 0)) + -(-len(data) // BLOCK) * BLOCK for name, data in heads)
    fixed += len(header(f"{top}/{BUNDLE}", 0)) + -(-len(described(MOST_VOLUMES, MOST_VOLUMES)) // BLOCK) * BLOCK
    room = None if volume_size is None else volume_size - fixed - 2 * BLOCK
    if room is not None and room < 64 * BLOCK:
        raise ConfigError("the volumes are too small for the manifest", hint=f"take at least {fixed + (1 << 16)} bytes")
    with _splices(root, whole, base, since) as splices:
        parts = divide(items_of(whole, base, splices, room), top, room)
        volumes = _write_volumes(root, output, top, parts, heads, described, volume_size is not None, report)
    try:
        yield Packed(
            volumes=tuple(volumes),
            manifest=whole,
            digest=digest_of(content),
            bytes=sum(_hidden(path).stat().st_size for path in volumes),
            base=base_digest,
            removed=removed,
            signed=bool(signature),
        )
        for path in volumes:
            _hidden(path).replace(path)
        files.sync_directory(output.parent)
    finally:
        for path in volumes:
            _hidden(path).unlink(missing_ok=True)


def volume_name(output: Path, number: int, count: int) -> Path:
    """Return the path of one volume: ``NAME.001-of-003.tar``."""
    return output.with_name(f"{output.name.removesuffix('.tar')}.{number:03d}-of-{count:03d}.tar")
