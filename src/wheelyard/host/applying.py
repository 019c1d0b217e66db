"""Applying a bundle, full or delta: verified while it is read, into a new generation, published by one rename.

The order is what makes it safe to kill at any moment: the new generation is whole on the disk, then what it teaches is
remembered (one durable write), then it is published (one rename). Whoever starts again after a kill between any two of
them finds the old state or the new one, and the same bundle completes it.
"""

import contextlib
import os
import shutil
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set

from wheelyard.host.generations import (
    GENERATIONS,
    TRUST,
    current_name,
    generation_names,
    generation_path,
    log_deed,
    name_for,
    storage_errors,
    switch_to,
    working_on,
)
from wheelyard.host.inspecting import file_faults
from wheelyard.host.intake import Intake, Progress, Sink, no_progress
from wheelyard.host.manifest import MANIFEST, SIGNATURE, FileEntry, Manifest
from wheelyard.host.policy import Seen, put_policy, read_policy
from wheelyard.host.refusal import EXIT_HASH, EXIT_STORAGE, Refused
from wheelyard.host.smallfiles import put_file, sync_folder
from wheelyard.host.source import Source, check_file, open_source
from wheelyard.host.sshsig import signer_name
from wheelyard.host.trust import Trust, advanced, believed, check_order, trust_for
from wheelyard.host.volumes import PIECES, Volume, check_base, open_volumes

Accept = Callable[[str], None]
Imported = NamedTuple("Imported", [("generation", str), ("manifest", Manifest), ("signers", List[str]), ("new", int)])


class _Stage(Intake):
    """The new generation while it is filled."""

    def __init__(self, root: str, manifest: Manifest, published: Optional[Source], progress: Progress) -> None:
        super().__init__(manifest, progress)
        self.root = root
        self._base = published.root if published else ""
        self._here: Dict[str, FileEntry] = {}
        for entry in published.manifest.files if published else ():
            self._here.setdefault(entry.sha256, entry)
        self._folders: Set[str] = {root}

    def _place(self, path: str) -> str:
        """Return where a file of the manifest goes, its folder made."""
        goal = os.path.join(self.root, *path.split("/"))
        folder = os.path.dirname(goal)
        while folder not in self._folders:
            os.makedirs(folder, exist_ok=True)
            self._folders.add(folder)
            folder = os.path.dirname(folder)
        return goal

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[Sink]:
        """Write a new file and make it durable."""
        with open(self._place(path), "xb") as writer:
            yield writer.write
            writer.flush()
            os.fchmod(writer.fileno(), 0o644)
            os.fsync(writer.fileno())

    @contextlib.contextmanager
    def appending(self, digest: str) -> Iterator[Sink]:
        """Write the pieces of a file behind one another, aside."""
        path = os.path.join(self.root, PIECES, digest)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "ab") as writer:
            yield writer.write
            writer.flush()
            os.fsync(writer.fileno())

    def joined(self, digest: str) -> None:
        """Put a file that came in pieces in its place."""
        path = os.path.join(self.root, PIECES, digest)
        os.chmod(path, 0o644)
        os.rename(path, self._place(self.held[digest]))

    def older(self, digest: str, entry: FileEntry) -> Optional[str]:
        """Return the published file that another one is made of."""
        if digest not in self._here:
            raise Refused("missing", "the older file for a splice is not here", where=entry.path, code=EXIT_HASH)
        return os.path.join(self._base, *self._here[digest].path.split("/"))

    def reuse(self) -> None:
        """Link what was not in the bundle from the generation before, hashed again, and all repeated files."""
        shutil.rmtree(os.path.join(self.root, PIECES), ignore_errors=True)
        sources = {digest: os.path.join(self.root, *path.split("/")) for digest, path in self.held.items()}
        for entry in self.wanted.values():
            goal = self._place(entry.path)
            source = sources.get(entry.sha256)
            if source is None:
                if entry.sha256 not in self._here:
                    raise Refused("missing", "the bundle does not hold this file", where=entry.path, code=EXIT_HASH)
                here = self._here[entry.sha256]
                _check_published(self._base, here)
                source = sources[entry.sha256] = os.path.join(self._base, *here.path.split("/"))
            if source != goal:
                _link(source, goal)

    def finish(self, volume: Volume) -> None:
        """Write the manifest and its signature, and make everything durable."""
        for name, content in ((MANIFEST, volume.content), (SIGNATURE, (volume.signature or "").encode("ascii"))):
            if content:
                with self.writing(name) as write:
                    write(content)
        for folder in self._folders:
            sync_folder(folder)


def _how_to_heal(root: str) -> str:
    into = os.path.dirname(os.path.dirname(root))
    return "heal it first: wheelyard check {} --repair BUNDLE, or import.py --into {} --repair BUNDLE".format(
        into, into
    )


def _check_published(root: str, entry: FileEntry) -> None:
    try:
        check_file(root, entry)
    except Refused as refused:
        message = "the file that is published: " + refused.message
        raise Refused(refused.name, message, refused.where, _how_to_heal(root), refused.code) from None


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


def _published(into: str, name: Optional[str]) -> Optional[Source]:
    """Return the wheelhouse that is published; Refused, naming it, if its manifest is damaged."""
    if name is None:
        return None
    try:
        return open_source(generation_path(into, name))
    except Refused as refused:
        root = generation_path(into, name)
        message = "the manifest that is published: " + refused.message
        raise Refused(refused.name, message, os.path.join(root, MANIFEST), _how_to_heal(root), refused.code) from None


def _trust_in(published: Optional[Source], given: Trust) -> Trust:
    """Return the trust with what is published as seen, where nothing is remembered: an older import did not."""
    policy = given.policy
    if published is not None and policy.channel is None:
        made = published.manifest
        seen = {made.channel: Seen(made.sequence, published.digest, "")}
        policy = policy._replace(channel=made.channel, seen=dict(seen, **policy.seen))
    return given._replace(policy=policy)


def _accept_all(root: str) -> None:
    """Accept every wheelhouse that was verified."""


def import_bundle(
    paths: List[str],
    into: str,
    signers: str = "",
    revoked: str = "",
    threshold: Optional[int] = None,
    allowed: Iterable[str] = (),
    progress: Progress = no_progress,
    accept: Accept = _accept_all,
) -> Imported:
    """Verify a bundle and publish it in a folder of generations.

    Whatever goes wrong, or if the process is killed at any moment: what was published before still is, whole. Keys that
    are revoked by hand stay so, even if the bundle is refused.

    :param signers, revoked, threshold, allowed: as ``trust_for`` takes them.
    :param accept: is given the verified wheelhouse before it is published; what it raises ends the import.
    :raises Refused: with a name for each thing that can be wrong.
    """
    volumes = open_volumes(paths)
    first = volumes[0]
    with working_on(into), storage_errors(into):
        folder, now = os.path.join(into, TRUST), current_name(into)
        given = trust_for(folder, signers, revoked, threshold, allowed)
        if revoked:
            put_policy(folder, read_policy(folder)._replace(revoked=given.policy.revoked))
        manifest, good = believed(first.content, first.signature, given)
        published = _published(into, now)
        trust = _trust_in(published, given)
        check_order(manifest, first.digest, trust, gap=True)
        check_base(first, manifest, published.digest if published else None)
        name = name_for(manifest, first.digest)
        again = published is not None and name == now
        deed: Dict[str, Any] = {
            "action": "import again" if again else "import",
            "generation": name,
            "before": now,
            "bundles": [os.path.basename(path) for path in paths],
            "signers": [signer_name(signer) for signer in good],
            "allowed": sorted(trust.allowed),
        }
        if published is not None and again:
            _confirm(volumes, published)
            accept(published.root)
            put_policy(folder, advanced(published.root, manifest, first.digest, trust, good))
            log_deed(into, **deed)
            return Imported(generation=name, manifest=manifest, signers=deed["signers"], new=0)
        _room(into, manifest, published.manifest if published else None)
        hidden = os.path.join(into, GENERATIONS, "." + name)
        os.mkdir(hidden)
        try:
            stage = _Stage(hidden, manifest, published, progress)
            stage.read(volumes)
            stage.reuse()
            stage.finish(first)
            accept(hidden)
            order = [generation for generation in generation_names(into) if generation != name]
            policy = advanced(hidden, manifest, first.digest, trust, good)
            put_policy(folder, policy._replace(published=(*order, name)))
            _put_in_place(into, hidden, name)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
        log_deed(into, **deed)
        switch_to(into, name)
    return Imported(generation=name, manifest=manifest, signers=deed["signers"], new=stage.brought)


def _confirm(volumes: List[Volume], published: Source) -> None:
    """Make sure that a bundle which is published already is whole, and so is what is published.

    A signature that was damaged, or to which somebody added another one, is put in place: it was just verified.
    """
    intake = Intake(published.manifest)
    intake.read(volumes)
    missing = intake.missing() if volumes[0].base is None else []
    if missing:
        raise Refused("missing", "the bundle does not hold this file", where=missing[0].path, code=EXIT_HASH)
    for fault in file_faults(published.root, published.manifest):
        message = "what is published: " + fault.message
        raise Refused(fault.name, message, where=fault.path, hint=_how_to_heal(published.root), code=fault.code)
    signature = volumes[0].signature
    if signature and signature != published.signature:
        path = os.path.join(published.root, SIGNATURE)
        put_file(path, signature)
        os.chmod(path, 0o644)


def _put_in_place(into: str, hidden: str, name: str) -> None:
    """Give the new generation its name; it is not published yet."""
    goal = generation_path(into, name)
    if os.path.isdir(goal):  # rolled back from, or left by an import that was killed before its switch
        aside = generation_path(into, ".old-" + name)
        os.rename(goal, aside)
        os.rename(hidden, goal)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        os.rename(hidden, goal)
    sync_folder(os.path.join(into, GENERATIONS))
