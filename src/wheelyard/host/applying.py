"""Applying a bundle, full or delta: verified while it is read, into a new generation, published by one rename."""

import hashlib
import os
import shutil
from typing import IO, Callable, Dict, List, NamedTuple, Optional, Set

from wheelyard.host.generations import (
    GENERATIONS,
    TRUST,
    current_name,
    generation_path,
    log_deed,
    name_for,
    storage_errors,
    switch_to,
    sync_folder,
    working_on,
)
from wheelyard.host.manifest import MANIFEST, SIGNATURE, FileEntry, Manifest
from wheelyard.host.records import known_trust, last_seen, remember
from wheelyard.host.refusal import EXIT_HASH, EXIT_STORAGE, Refused
from wheelyard.host.source import Source, check_file, file_digest, open_source
from wheelyard.host.splicing import read_plan, splice
from wheelyard.host.sshsig import signer_name
from wheelyard.host.tarstream import copy_content
from wheelyard.host.trust import (
    REVOKED,
    SIGNERS,
    Seen,
    Trust,
    check_order,
    check_signature,
    check_time,
    make_trust,
    read_text,
)
from wheelyard.host.volumes import PIECES, Part, Volume, open_bundle, volume_parts

Progress = Callable[[str, int], None]

Imported = NamedTuple("Imported", [("generation", str), ("manifest", Manifest), ("signers", List[str]), ("new", int)])


def believe_bundle(
    volumes: List[Volume], manifest: Manifest, trust: Trust, seen: Optional[Seen], published: Optional[str]
) -> List[str]:
    """Return who signed a bundle; Refused if it may not be believed, or does not fit what is here.

    :param seen: the newest manifest that was ever accepted here.
    :param published: sha256 of the manifest that is published now: what a delta must be against.
    """
    first = volumes[0]
    signers = check_signature(first.content, first.signature, trust)
    check_time(manifest, trust.allowed)
    check_order(manifest, first.digest, seen, trust.allowed, gap=first.base is None)
    if first.base is not None and published not in (first.base, first.digest):
        raise Refused(
            "missing-base",
            "this is a delta against a wheelhouse that is not the one published here",
            where=first.path,
            hint="import the bundles between, or a full one",
        )
    return [signer_name(signer) for signer in signers]


class _Stage:
    """The new generation while it is filled."""

    def __init__(self, root: str, manifest: Manifest, published: Optional[Source], progress: Progress) -> None:
        self.root = root
        files = published.manifest.files if published else ()
        base = published.root if published else ""
        self.older = {entry.sha256: os.path.join(base, *entry.path.split("/")) for entry in files}
        self.wanted: Dict[str, FileEntry] = {entry.path: entry for entry in manifest.files}
        self.by_digest: Dict[str, str] = {}
        self.sizes = {entry.sha256: entry.size for entry in manifest.files}
        self.pieces: Dict[str, int] = {}
        self.folders: Set[str] = {root}
        self.written = 0
        self._progress = progress

    def place(self, path: str) -> str:
        """Return where a file of the manifest goes, its folder made."""
        goal = os.path.join(self.root, *path.split("/"))
        folder = os.path.dirname(goal)
        while folder not in self.folders:
            os.makedirs(folder, exist_ok=True)
            self.folders.add(folder)
            folder = os.path.dirname(folder)
        return goal

    def take(self, stream: IO[bytes], part: Part, where: str) -> None:
        """Write a member that is a file of the manifest."""
        entry = self.wanted.get(part.path)
        if entry is None:
            raise Refused("extra-file", "the manifest does not list this member", where=ascii(part.path))
        if part.link is not None:
            other = self.wanted.get(part.link)
            if other is None or other.sha256 != entry.sha256:
                raise Refused("unsafe-member", "a hard link to something else", where=ascii(part.path))
            return
        if part.size != entry.size or entry.sha256 in self.by_digest:
            message = "the member is not as large as the manifest says, or is there twice"
            raise Refused("changed", message, where=part.path, code=EXIT_HASH)
        self._write(entry.path, entry.sha256, lambda sink: copy_content(stream, part.size, sink, where))
        self.written += part.size

    def _write(self, path: str, digest: str, fill: Callable[[Callable[[bytes], object]], None]) -> None:
        """Write a file as ``fill`` hands its bytes out, and refuse it if its hash is not the promised one."""
        goal = self.place(path)
        state = hashlib.sha256()
        with open(goal, "xb") as writer:

            def sink(block: bytes) -> None:
                state.update(block)
                writer.write(block)
                self._progress(path, len(block))

            fill(sink)
            if state.hexdigest() != digest:
                raise Refused("changed", "the content is not what the manifest says", where=path, code=EXIT_HASH)
            writer.flush()
            os.fchmod(writer.fileno(), 0o644)
            os.fsync(writer.fileno())
        self.by_digest[digest] = goal

    def take_piece(self, stream: IO[bytes], part: Part, where: str) -> None:
        """Append a part of a file that was too large for one volume."""
        digest, number = part.piece or ("", 0)
        if digest not in self.sizes or digest in self.by_digest or number != self.pieces.get(digest, 0) + 1:
            raise Refused("extra-file", "a piece that nothing needs, or out of order", where=ascii(part.path))
        self.pieces[digest] = number
        path = os.path.join(self.root, PIECES, digest)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "ab") as writer:
            if writer.tell() + part.size > self.sizes[digest]:
                raise Refused("changed", "the pieces are larger than the file", where=ascii(part.path), code=EXIT_HASH)
            copy_content(stream, part.size, writer.write, where)
            writer.flush()
            os.fsync(writer.fileno())

    def take_splice(self, stream: IO[bytes], part: Part, where: str) -> None:
        """Write a file that is made of an older one of the published generation."""
        digest = part.splice or ""
        entry = next((each for each in self.wanted.values() if each.sha256 == digest), None)
        if entry is None or digest in self.by_digest or part.link is not None:
            raise Refused("extra-file", "a splice that nothing needs", where=ascii(part.path))
        old_digest, ops, new = read_plan(stream, part.size, where)
        if old_digest not in self.older:
            raise Refused("missing", "the older file for a splice is not here", where=entry.path, code=EXIT_HASH)
        with open(self.older[old_digest], "rb") as old:
            self._write(entry.path, digest, lambda sink: splice(stream, new, ops, old, entry.size, sink))
        self.written += part.size

    def join_pieces(self) -> None:
        """Make files of the pieces."""
        for digest in self.pieces:
            path = os.path.join(self.root, PIECES, digest)
            if file_digest(path) != digest:
                raise Refused("changed", "the pieces do not make the file", where=digest, code=EXIT_HASH)
            entry = next(each for each in self.wanted.values() if each.sha256 == digest)
            os.chmod(path, 0o644)
            os.rename(path, self.place(entry.path))
            self.by_digest[digest] = self.place(entry.path)
            self.written += entry.size
        shutil.rmtree(os.path.join(self.root, PIECES), ignore_errors=True)

    def reuse(self, old: str, old_manifest: Optional[Manifest]) -> None:
        """Link what is not in the bundle from the generation before, hashed again, and all repeated files."""
        here: Dict[str, FileEntry] = {}
        for entry in old_manifest.files if old_manifest else ():
            here.setdefault(entry.sha256, entry)
        for entry in self.wanted.values():
            goal = self.place(entry.path)
            source = self.by_digest.get(entry.sha256)
            if source is None:
                if entry.sha256 not in here:
                    raise Refused("missing", "the bundle does not hold this file", where=entry.path, code=EXIT_HASH)
                check_file(old, here[entry.sha256])
                source = os.path.join(old, *here[entry.sha256].path.split("/"))
                self.by_digest[entry.sha256] = source
            if source != goal:
                _link(source, goal)

    def finish(self, volume: Volume) -> None:
        """Write the manifest and its signature, and make everything durable."""
        for name, content in ((MANIFEST, volume.content), (SIGNATURE, (volume.signature or "").encode())):
            if content:
                with open(os.path.join(self.root, name), "xb") as writer:
                    writer.write(content)
                    writer.flush()
                    os.fchmod(writer.fileno(), 0o644)
                    os.fsync(writer.fileno())
        for folder in self.folders:
            sync_folder(folder)


def _link(source: str, goal: str) -> None:
    try:
        os.link(source, goal)
    except OSError:  # a file system without hard links, or too many of them
        shutil.copyfile(source, goal)
        with open(goal, "rb") as stream:
            os.fsync(stream.fileno())


def _room(into: str, manifest: Manifest, old_manifest: Optional[Manifest]) -> None:
    """Refuse at once what cannot fit: the sizes are in the manifest that was signed."""
    here = {entry.sha256 for entry in old_manifest.files} if old_manifest else set()
    needed = {entry.sha256: entry.size for entry in manifest.files if entry.sha256 not in here}
    free = shutil.disk_usage(into).free
    if sum(needed.values()) > free:
        text = "{} MiB are needed, {} MiB are free".format(sum(needed.values()) >> 20, free >> 20)
        raise Refused("disk-full", text, where=into, code=EXIT_STORAGE)


def _fill(stage: _Stage, volumes: List[Volume]) -> None:
    for volume in volumes:
        with open(volume.path, "rb") as stream:
            for part in volume_parts(volume, stream):
                if part.piece is not None:
                    stage.take_piece(stream, part, volume.path)
                elif part.splice is not None:
                    stage.take_splice(stream, part, volume.path)
                else:
                    stage.take(stream, part, volume.path)
            if stream.read(1 << 20).strip(b"\0"):
                raise Refused("extra-file", "there is something behind the end of the archive", where=volume.path)
    stage.join_pieces()


def rotated_trust(root: str, manifest: Manifest, trust: Trust, signed: bool) -> Trust:
    """Return the trust for the next time: a signed wheelhouse may carry new allowed signers, and more revoked keys."""
    listed = {entry.path for entry in manifest.files}
    if not signed:
        return trust
    signers = read_text(os.path.join(root, SIGNERS)) if SIGNERS in listed else trust.signers_text
    revoked = trust.revoked_text
    if REVOKED in listed:
        more = read_text(os.path.join(root, REVOKED))
        revoked = revoked if more in revoked else "{}\n{}".format(revoked.rstrip("\n"), more).lstrip("\n")
    return make_trust(signers, revoked, trust.threshold, trust.allowed)


def trust_for(into: str, signers: str, revoked: str, threshold: int, allowed: Set[str]) -> Trust:
    """Return whom to trust: the texts that are given, else those remembered in the folder."""
    known = known_trust(os.path.join(into, TRUST))
    return make_trust(signers or known["signers"], known["revoked"] + revoked, threshold, frozenset(allowed))


def seen_in(into: str) -> Optional[Seen]:
    """Return the newest manifest that was published here; what is published now if nothing is remembered."""
    remembered = last_seen(os.path.join(into, TRUST))
    now = current_name(into)
    if now is None:
        return remembered
    source = open_source(generation_path(into, now))
    here = Seen(source.manifest.channel, source.manifest.sequence, source.digest)
    if remembered is None or remembered.channel != here.channel or remembered.sequence <= here.sequence:
        return here
    return remembered


def _no_progress(path: str, size: int) -> None:
    """Report nothing."""


def import_bundle(paths: List[str], into: str, trust: Trust, progress: Progress = _no_progress) -> Imported:
    """Verify a bundle and publish it in a folder of generations.

    Whatever goes wrong, or if the process is killed at any moment: what was published before still is, whole.

    :raises Refused: with a name for each thing that can be wrong.
    """
    volumes, manifest = open_bundle(paths)
    digest = volumes[0].digest
    with working_on(into), storage_errors(into):
        seen, now = seen_in(into), current_name(into)
        published = open_source(generation_path(into, now)) if now else None
        signers = believe_bundle(volumes, manifest, trust, seen, published.digest if published else None)
        name = name_for(manifest, digest)
        if name == now:
            return Imported(generation=name, manifest=manifest, signers=signers, new=0)
        old_manifest = published.manifest if published else None
        _room(into, manifest, old_manifest)
        hidden = os.path.join(into, GENERATIONS, "." + name)
        os.mkdir(hidden)
        stage = _Stage(hidden, manifest, published, progress)
        try:
            _fill(stage, volumes)
            stage.reuse(published.root if published else "", old_manifest)
            stage.finish(volumes[0])
            later = rotated_trust(hidden, manifest, trust, bool(signers))
            _publish(into, hidden, name)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
        remember(os.path.join(into, TRUST), later, Seen(manifest.channel, manifest.sequence, digest))
        log_deed(
            into,
            action="import",
            generation=name,
            before=now,
            bundles=[os.path.basename(path) for path in paths],
            signers=signers,
            allowed=sorted(trust.allowed),
        )
    return Imported(generation=name, manifest=manifest, signers=signers, new=stage.written)


def _publish(into: str, hidden: str, name: str) -> None:
    goal = generation_path(into, name)
    if os.path.isdir(goal):  # rolled back from, or left by an import that was killed before its switch
        aside = generation_path(into, ".old-" + name)
        os.rename(goal, aside)
        os.rename(hidden, goal)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        os.rename(hidden, goal)
    sync_folder(os.path.join(into, GENERATIONS))
    switch_to(into, name)
